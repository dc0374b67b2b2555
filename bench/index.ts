/** What other packages may use of the bench: the endpoints of its suite, and the figures of a result as plain data. */
import { compareScenarios, isRegression, type MetricComparison } from './compare.ts'
import { tableRows, wholeHistogram } from './result/figures.ts'
import { type Histogram, percentileMs } from './result/histogram.ts'
import type { Measurement, Result, ScenarioResult } from './result/schema.ts'
import { readResult } from './result/store.ts'
import { loadOwnScenarios } from './scenario.ts'
import { bootstrapIntervals } from './stats/bootstrap.ts'
import { mean } from './stats/summary.ts'

/** The percentiles of a latency curve. */
const PERCENTILES = [1, 10, 25, 50, 75, 90, 95, 99, 99.9]

/** An endpoint with a scenario of its own. The path has placeholders: `/users/{{users.id}}?limit=20`. */
export type ScenarioEndpoint = { scenario: string; endpoint: string; method: string; path: string }

/** Returns the endpoints that have a scenario of their own. A mix measures several, so it is left out. */
export async function listEndpoints(): Promise<ScenarioEndpoint[]> {
  const scenarios = await loadOwnScenarios()
  return scenarios.flatMap(({ name: scenario, endpoints: [first, ...others] }) => {
    if (!first || others.length > 0) return []
    return [{ scenario, endpoint: first.name, method: first.method, path: first.path }]
  })
}

/** Returns the figures of a result file, one entry per endpoint. Throws a UsageError where it is not a result. */
export async function readFigures(file: string) {
  const result = await readResult(file)
  const { fingerprint, options, quick, cutShort } = result
  const { mode, connections, rounds, duration } = options
  return {
    cutShort,
    machine: fingerprint.machine,
    code: fingerprint.code,
    run: { mode, connections, rounds, duration, quick },
    endpoints: result.scenarios.flatMap(scenario => endpointFigures(scenario, result)),
  }
}

function endpointFigures(scenario: ScenarioResult, result: Result) {
  const { rounds } = scenario
  const [row, ...others] = tableRows(scenario)
  if (!row || others.length > 0) return []
  const base = baseFigures(scenario, result)
  return [
    {
      endpoint: row.label,
      rounds: rounds.length,
      requests: row.requests,
      errors: row.errors,
      ...(row.void !== undefined && { void: row.void }),
      meanMs: { value: row.meanMs, ...interval(rounds, round => wholeHistogram([round]).mean / 1000) },
      p95Ms: row.p95Ms,
      throughput: { value: row.throughput, ...interval(rounds, round => round.rate) },
      percentiles: percentilesOf(wholeHistogram(rounds)),
      ...(row.server && { serverCpuUsPerRequest: row.server.cpuUsPerRequest }),
      ...(base && { base }),
    },
  ]
}

/** Returns the 95 % bootstrap interval of the mean over the rounds; nothing where there are too few. */
function interval(rounds: readonly Measurement[], read: (round: Measurement) => number) {
  const [found] = bootstrapIntervals([rounds.map(read)], ([values = []]) => mean(values), [0.95])
  return finite(found)
}

function finite(range: { low: number; high: number } | undefined) {
  if (!range || !Number.isFinite(range.low) || !Number.isFinite(range.high)) return {}
  return { interval: [range.low, range.high] as [number, number] }
}

function percentilesOf(histogram: Histogram): [number, number][] {
  return PERCENTILES.map(percentile => [percentile, percentileMs(histogram, percentile)])
}

/** What the comparison of the command allows unless another share is given. */
const MAX_REGRESSION = 0.05

/**
 * What is called slower where other processes took the CPU in most rounds. Both versions were measured in turns of 50 ms,
 * so these took as much from either; how much the figures scatter then is not known of this machine.
 */
const MAX_REGRESSION_DISTURBED = 0.5

/** Returns the figures of the version before, and the ratios to it; undefined where the result has none. */
function baseFigures({ name }: ScenarioResult, result: Result) {
  const base = result.base?.find(scenario => scenario.name === name)
  if (!base) return undefined
  const histogram = wholeHistogram(base.rounds)
  const quiet = compare(name, result, { busyLimit: result.options.busyLimit })
  const disturbed = quiet?.disturbed ?? false
  const allowed = disturbed ? MAX_REGRESSION_DISTURBED : MAX_REGRESSION
  const comparison = disturbed ? compare(name, result, {}) : quiet
  return {
    requests: histogram.totalCount,
    rounds: base.rounds.length,
    p95Ms: percentileMs(histogram, 95),
    percentiles: percentilesOf(histogram),
    disturbed,
    ratios: (comparison?.metrics ?? []).map(metric => ratioOf(metric, allowed)),
  }
}

function compare(
  name: string,
  { base = [], scenarios, options }: Result,
  { busyLimit }: { busyLimit?: number | undefined },
) {
  const terms = {
    mode: options.mode,
    isPaired: true,
    maxRegression: MAX_REGRESSION,
    ...(busyLimit !== undefined && { busyLimit }),
  }
  return compareScenarios(base, scenarios, terms).find(({ scenario }) => scenario === name)
}

/** A metric is slower where it is judged, differs at 99 %, and is worse by more than what is allowed. */
function ratioOf(comparison: MetricComparison, allowed: number) {
  const { metric, verdict, ratio, base, head, judged } = comparison
  const slower = judged && verdict === 'slower' && isRegression(comparison, allowed)
  return { metric, verdict, slower, value: ratio?.estimate ?? head / base, ...finite(ratio?.interval) }
}
