/** `power`: how often this bench, on this machine, calls a difference where there is none, and misses one of 5 %. */
import { compareScenarios, type MetricComparison } from '../compare.ts'
import { loadOptions, whole } from '../options.ts'
import { markdownTable } from '../output/table.ts'
import { planTurns } from '../plan.ts'
import type { LoadOptions, ScenarioResult } from '../result/schema.ts'
import { chooseScenarios, type Scenario } from '../scenario.ts'
import type { Version } from '../service/subject.ts'
import { openVersions } from '../service/versions.ts'
import { median } from '../stats/summary.ts'
import type { Subject } from '../subject.ts'
import { pairDefaults } from './ab.ts'
import { type Context, groupRounds, measureWithProgress, withGenerator } from './context.ts'
import { repository } from './open-subject.ts'

/** What a version is slowed down by to see whether it is noticed. */
const burntShare = 0.05

/**
 * Runs the default `ab` of one scenario again and again: the working tree against itself, then against itself with 5 %
 * more CPU per request. Prints how often a difference was called; returns 0.
 */
export async function powerCommand(context: Context): Promise<number> {
  const options = loadOptions(context.values, pairDefaults)
  const repeat = whole('repeat', context.values.repeat, 20)
  const [scenario] = await chooseScenarios(context.values.scenario ?? ['get-user'])
  if (!scenario) throw new Error('no scenario was chosen')
  const same: Version = { key: 'base', name: 'A', root: repository }

  const equal = await repeatPairs([same, { ...same, key: 'again' }], scenario, repeat, options, context)
  report('A against A', equal, context)
  const cpuUs = median(
    equal.flatMap(metrics => metrics.find(({ metric }) => metric === 'CPU/request')?.base ?? []),
  )
  const slowed: Version = { ...same, key: 'slowed', name: 'B', burnUs: cpuUs * burntShare }
  const slower = await repeatPairs([same, slowed], scenario, repeat, options, context)
  report(`A against A + ${(cpuUs * burntShare).toFixed(1)} µs (5 % of its CPU)`, slower, context)
  return context.signal.aborted ? 130 : 0
}

async function repeatPairs(
  versions: [Version, Version],
  scenario: Scenario,
  repeat: number,
  options: LoadOptions,
  context: Context,
): Promise<MetricComparison[][]> {
  const runs: MetricComparison[][] = []
  while (runs.length < repeat && !context.signal.aborted) {
    runs.push(await comparePair(versions, scenario, options, context))
  }
  return runs
}

/** Compares new processes each time, as `ab` does: the same code runs up to 1 % faster in one process than in another. */
async function comparePair(
  versions: [Version, Version],
  scenario: Scenario,
  options: LoadOptions,
  { signal }: Context,
): Promise<MetricComparison[]> {
  const { subjects, close } = await openVersions(versions, options, signal)
  try {
    const [base, head] = subjects
    if (!base || !head) throw new Error('two versions were expected')
    const steps = planTurns([base, head], [scenario], options)
    const measured = await withGenerator(subjects, [scenario], options, generator =>
      measureWithProgress(generator, steps, options, signal),
    )
    const rounds = (subject: Subject): ScenarioResult[] => groupRounds(measured, subject, [scenario])
    const judgement = { mode: options.mode, isPaired: true, maxRegression: burntShare }
    return compareScenarios(rounds(base), rounds(head), judgement)[0]?.metrics ?? []
  } finally {
    await close()
  }
}

function report(title: string, runs: MetricComparison[][], { print }: Context): void {
  const judged = runs.map(metrics => metrics.filter(metric => metric.judged))
  const count = (verdict: string): number =>
    judged.filter(metrics => metrics.some(metric => metric.verdict === verdict)).length
  const rows = judged.map((metrics, i) => [
    String(i + 1),
    metrics
      .map(({ metric, ratio, verdict }) => {
        const [low, high] = [ratio?.interval.low.toFixed(3), ratio?.interval.high.toFixed(3)]
        return `${metric} ${ratio?.estimate.toFixed(3)} (${low} to ${high}) ${verdict}`
      })
      .join('; '),
  ])
  print(`${title}: ${runs.length} runs, called slower ${count('slower')}, faster ${count('faster')} times.\n`)
  print(`${markdownTable(['Run', 'Ratio (95 % interval), verdict'], rows)}\n`)
}
