/** Judges whether one result is slower than another, and whether the figures are enough to decide. */
import { type Metric, VERSION_METRICS } from './metrics.ts'
import { isDisturbed } from './result/figures.ts'
import { machineDifferences } from './result/fingerprint.ts'
import type { Measurement, Result, ScenarioResult } from './result/schema.ts'
import { compareValues, type Ratio } from './stats/ratio.ts'
import { median } from './stats/summary.ts'

export type Verdict = 'slower' | 'faster' | 'no difference' | 'too few rounds'

export type MetricComparison = {
  metric: string
  base: number
  head: number
  ratio: Ratio | undefined
  lowerIsBetter: boolean
  /** Otherwise only shown, beside a verdict that rests on others. */
  judged: boolean
  verdict: Verdict
}

export type ScenarioComparison = {
  scenario: string
  metrics: MetricComparison[]
  /** Slower than allowed, with an interval that excludes 1. */
  regressed: boolean
  /** No judged metric rules out a regression of the allowed size. */
  undecided: boolean
  /** Others took so much of the CPU, in more than half of the rounds of a side, that nothing is judged. */
  disturbed: boolean
}

type Terms = {
  mode: 'closed' | 'open'
  /** Rounds 2k and 2k + 1 of both were measured side by side. */
  isPaired: boolean
  /** Rounds in which others took a larger share of the CPU are left out; none unless given. */
  busyLimit?: number
}

export const EXIT_CODES = { fine: 0, regression: 1, notComparable: 2, tooNoisy: 3 } as const

/** Returns why two results must not be compared; empty where nothing speaks against it. */
export function obstacles(base: Result, head: Result): string[] {
  const machine = machineDifferences(base.fingerprint, head.fingerprint)
  const options = (['mode', 'connections', 'rate', 'arrivals', 'duration'] as const).filter(
    name => base.options[name] !== head.options[name],
  )
  const environment = JSON.stringify(base.environment) !== JSON.stringify(head.environment)
  const shared = head.scenarios.some(({ name }) => base.scenarios.some(other => other.name === name))
  return [
    ...(machine.length > 0 ? [`the machines differ in ${machine.join(', ')}`] : []),
    ...(options.length > 0 ? [`the options differ in ${options.join(', ')}`] : []),
    ...(environment ? ['the settings of the service differ'] : []),
    ...(shared ? [] : ['they have no scenario in common']),
  ]
}

/** Returns the comparison of every scenario that both have; void and disturbed rounds are left out. */
export function compareScenarios(
  base: readonly ScenarioResult[],
  head: readonly ScenarioResult[],
  { maxRegression, ...terms }: Terms & { maxRegression: number },
): ScenarioComparison[] {
  return head.flatMap(scenario => {
    const other = base.find(({ name }) => name === scenario.name)
    if (!other) return []
    const compared = compareRounds(other.rounds, scenario.rounds, { ...terms, metrics: VERSION_METRICS })
    const judged = compared.filter(metric => metric.judged)
    const disturbed = [other.rounds, scenario.rounds].some(rounds => isMostlyDisturbed(rounds, terms))
    return [
      {
        scenario: scenario.name,
        metrics: compared,
        regressed: !disturbed && judged.some(metric => isRegression(metric, maxRegression)),
        undecided: disturbed || judged.every(metric => !rulesOut(metric, maxRegression)),
        disturbed,
      },
    ]
  })
}

function isMostlyDisturbed(rounds: readonly Measurement[], { busyLimit }: Terms): boolean {
  return rounds.filter(round => isDisturbed(round, busyLimit)).length > rounds.length / 2
}

function isUsable(round: Measurement, { busyLimit }: Terms): boolean {
  return round.void === undefined && !isDisturbed(round, busyLimit)
}

/** Returns the exit code of a comparison. A regression outweighs noise elsewhere. */
export function exitCodeOfComparison(comparisons: readonly ScenarioComparison[]): number {
  if (comparisons.some(({ regressed }) => regressed)) return EXIT_CODES.regression
  if (comparisons.some(({ undecided }) => undecided)) return EXIT_CODES.tooNoisy
  return EXIT_CODES.fine
}

/** Returns the comparison of two lists of rounds by each metric that both have; void rounds are left out. */
export function compareRounds(
  base: readonly Measurement[],
  head: readonly Measurement[],
  { metrics, ...terms }: Terms & { metrics: readonly Metric[] },
): MetricComparison[] {
  return metrics.flatMap(metric => compareMetric(metric, base, head, terms) ?? [])
}

function compareMetric(
  metric: Metric,
  base: readonly Measurement[],
  head: readonly Measurement[],
  terms: Terms,
): MetricComparison | undefined {
  const { mode, isPaired } = terms
  const values = (isPaired ? pairedValues : separateValues)(metric, base, head, terms)
  if (values.base.length === 0 || values.head.length === 0) return undefined
  const ratio = compareValues(values.base, values.head, values.forks)
  return {
    metric: metric.name,
    base: median(values.base),
    head: median(values.head),
    ratio,
    lowerIsBetter: metric.lowerIsBetter,
    judged: metric.judgedIn === 'both' || metric.judgedIn === mode,
    verdict: judge(ratio, metric.lowerIsBetter),
  }
}

function judge(ratio: Ratio | undefined, lowerIsBetter: boolean): Verdict {
  if (!ratio) return 'too few rounds'
  if (!ratio.differs) return 'no difference'
  return ratio.estimate > 1 === lowerIsBetter ? 'slower' : 'faster'
}

type Values = {
  base: number[]
  head: number[]
  /** Of paired values: the processes that each pair was measured on. */
  forks?: number[]
}

function separateValues(
  metric: Metric,
  base: readonly Measurement[],
  head: readonly Measurement[],
  terms: Terms,
): Values {
  const read = (rounds: readonly Measurement[]): number[] =>
    rounds.filter(round => isUsable(round, terms)).flatMap(round => metric.read(round) ?? [])
  return { base: read(base), head: read(head) }
}

/** An unusable round takes the other three of its block with it: only what was measured side by side is compared. */
function pairedValues(
  metric: Metric,
  base: readonly Measurement[],
  head: readonly Measurement[],
  terms: Terms,
): Values {
  const values: Required<Values> = { base: [], head: [], forks: [] }
  for (let first = 0; first < base.length; first += 2) {
    const [from, to] = [base, head].map(rounds =>
      rounds
        .slice(first, first + 2)
        .flatMap(round => (isUsable(round, terms) ? (metric.read(round) ?? []) : [])),
    )
    if (from?.length !== 2 || to?.length !== 2) continue
    values.base.push(...from)
    values.head.push(...to)
    values.forks.push(...[first, first + 1].map(k => base[k]?.fork ?? 0))
  }
  return values
}

/** Returns whether a metric is worse by more than a share, with an interval that excludes 1. */
export function isRegression({ ratio, lowerIsBetter }: MetricComparison, allowed: number): boolean {
  if (!ratio) return false
  const { estimate, interval } = ratio
  return lowerIsBetter
    ? estimate > 1 + allowed && interval.low > 1
    : 1 / estimate > 1 + allowed && interval.high < 1
}

function rulesOut({ ratio, lowerIsBetter }: MetricComparison, allowed: number): boolean {
  if (!ratio) return false
  return (lowerIsBetter ? ratio.interval.high : 1 / ratio.interval.low) < 1 + allowed
}
