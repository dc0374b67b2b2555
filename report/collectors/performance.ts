/** Performance Metrics: a bench result of this very commit on this very machine, or nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareScenarios, type ScenarioComparison } from '../../bench/compare.ts'
import { tableRows, wholeHistogram } from '../../bench/result/figures.ts'
import { machineDifferences, takeFingerprint } from '../../bench/result/fingerprint.ts'
import { percentileMs } from '../../bench/result/histogram.ts'
import type { Result, ScenarioResult } from '../../bench/result/schema.ts'
import { readResult } from '../../bench/result/store.ts'
import { loadOwnScenarios } from '../../bench/scenario.ts'
import { bootstrapIntervals } from '../../bench/stats/bootstrap.ts'
import { mean } from '../../bench/stats/summary.ts'
import { UsageError } from '../../harness/errors.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import type { Row } from '../document/document.ts'
import { type Evidence, fact, type Measurement } from '../document/evidence.ts'
import { notAvailable } from '../document/rows.ts'
import { ReportError } from '../errors.ts'
import type { Repository } from '../git.ts'
import type { Settings } from '../options.ts'

const BENCH = fileURLToPath(new URL('../../bench/cli.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const NOT_MEASURED = 'not measured'

/** Percentiles that a curve is drawn through. */
const PERCENTILES = [1, 10, 25, 50, 75, 90, 95, 99, 99.9]

/** The fewest that a ratio has an interval of. */
const QUICK_ROUNDS = ['--rounds', '6']

type Asked = Pick<Settings, 'bench' | 'since' | 'app'>

export type Measure = (repository: Repository | undefined, signal: AbortSignal) => Promise<Row[]>

/**
 * What brings the rows: a run that is made then, a result that is given, or none. Throws ReportError where the result
 * cannot be read.
 */
export async function preparePerformance({ bench, since, app }: Asked): Promise<Measure> {
  if (app !== undefined)
    return async () => [notAvailable('performance', 'the bench measures the reference service')]
  if (bench === 'none') return () => unmeasured('no bench was run')
  if (bench === 'quick' || bench === 'full') {
    return async (_repository, signal) => rowsOf(await runBench(bench, since, signal), since)
  }
  const result = await readResult(bench).catch(error => {
    throw error instanceof UsageError ? new ReportError(error.message) : error
  })
  return async repository => {
    const why = await foreignness(result, repository)
    return why === undefined ? rowsOf(result, since) : unmeasured(why)
  }
}

/** The scenarios of one endpoint each: a mix is none, and what is in it has its own. */
async function endpointScenarios() {
  return (await loadOwnScenarios()).filter(({ endpoints }) => endpoints.length === 1)
}

async function unmeasured(why: string): Promise<Row[]> {
  const scenarios = await endpointScenarios()
  return scenarios.flatMap(({ endpoints: [endpoint] }) =>
    endpoint ? [unmeasuredRow(endpoint.name, why)] : [],
  )
}

function unmeasuredRow(name: string, why: string): Row {
  return {
    id: name,
    cells: [name, NOT_MEASURED, NOT_MEASURED, NOT_MEASURED],
    state: 'not verified',
    volatile: true,
    evidence: [fact(NOT_MEASURED, why)],
  }
}

/** Why a result says nothing about this commit on this machine; undefined where it does. */
async function foreignness({ fingerprint, cutShort }: Result, repository: Repository | undefined) {
  if (cutShort) return 'the result was cut short'
  const { machine, code } = fingerprint
  // The bench brings its own PostgreSQL: the machine has none to compare.
  const differences = machineDifferences(await takeFingerprint(ROOT, machine.postgres), fingerprint)
  if (differences.length > 0) return `the result is of another machine: ${differences.join(', ')} differ`
  if (code.commit !== repository?.version.commit)
    return `the result is of commit ${code.commit?.slice(0, 10)}`
  if (code.dirty || repository?.version.dirty)
    return 'the working tree was or is dirty: the result may be of other code'
  return undefined
}

/** Runs the suite, or both versions in turns, in a process of its own. */
async function runBench(
  kind: 'quick' | 'full',
  since: string | undefined,
  signal: AbortSignal,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-report-`))
  const file = join(folder, 'result.json')
  try {
    const args = [
      ...(since === undefined ? [] : ['ab', '--base', since]),
      ...(kind === 'quick' ? ['--quick', ...(since === undefined ? [] : QUICK_ROUNDS)] : []),
      ...(await endpointScenarios()).flatMap(({ name }) => ['--scenario', name]),
      ...['--json', file],
    ]
    const said = await runToEnd(args, signal)
    return await readResult(file).catch(() => {
      throw new ReportError(`the bench brought no result: ${said}`)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What the bench said last; its exit code tells of regressions too, which the result shows better. */
async function runToEnd(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [BENCH, ...args], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  const end = () => child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  await once(child, 'close')
  signal.removeEventListener('abort', end)
  return said.trim() || 'it said nothing'
}

function rowsOf(result: Result, since: string | undefined): Row[] {
  const comparisons = result.base
    ? compareScenarios(result.base, result.scenarios, {
        ...{ mode: result.options.mode, isPaired: true, maxRegression: 0.05 },
      })
    : []
  return result.scenarios.flatMap(scenario => {
    const rows = tableRows(scenario)
    const [row] = rows
    // A mix is no endpoint; its own scenarios measure its endpoints.
    if (!row || rows.length > 1) return []
    if (row.void !== undefined) return [unmeasuredRow(row.label, row.void)]
    const comparison = comparisons.find(other => other.scenario === scenario.name)
    return [measuredRow(scenario, row, [describeRun(result), ...changes(comparison, result, since)])]
  })
}

type Figures = ReturnType<typeof tableRows>[number]

function measuredRow(scenario: ScenarioResult, row: Figures, more: Evidence[]): Row {
  const hasErrors = row.errors > 0
  const errors = fact('requests that were not answered as expected', hasErrors ? 'some' : '0', {
    ...{ is: '0', met: !hasErrors },
  })
  return {
    id: row.label,
    cells: [row.label, ms(row.meanMs), ms(row.p95Ms), `${rounded(row.throughput)} rps`],
    state: hasErrors ? 'fail' : 'pass',
    volatile: true,
    evidence: [errors, ...measurements(scenario, row), ...more],
  }
}

function measurements({ rounds }: ScenarioResult, row: Figures): Evidence[] {
  const histogram = wholeHistogram(rounds)
  const perRound = (read: (round: ScenarioResult['rounds'][number]) => number) => {
    const [interval] = bootstrapIntervals([rounds.map(read)], ([values = []]) => mean(values), [0.95])
    const { low, high } = interval ?? { low: Number.NaN, high: Number.NaN }
    return Number.isFinite(low) && Number.isFinite(high) ? { interval: [low, high] as [number, number] } : {}
  }
  const of = (what: string, unit: string, value: number, extra: Partial<Measurement> = {}): Measurement => ({
    ...{ kind: 'measurement', what, unit, value, samples: row.requests },
    ...extra,
  })
  return [
    of(
      'mean latency',
      'ms',
      row.meanMs,
      perRound(round => wholeHistogram([round]).mean / 1000),
    ),
    of('latency', 'ms', row.p95Ms, {
      percentiles: PERCENTILES.map(percentile => [percentile, percentileMs(histogram, percentile)]),
    }),
    of('throughput', 'requests/s', row.throughput, {
      ...perRound(round => round.rate),
      samples: rounds.length,
    }),
    ...(row.server ? [of('server CPU per request', 'µs', row.server.cpuUsPerRequest)] : []),
  ]
}

function describeRun({ options, quick, fingerprint: { machine, code } }: Result): Evidence {
  const { mode, connections, rounds, duration } = options
  const load = `${mode} loop, ${connections} connections, ${rounds} rounds of ${duration} s${quick ? ', quick' : ''}`
  const where = `${machine.cores} × ${machine.cpu}, Node ${machine.node}`
  const version = `${code.commit?.slice(0, 10) ?? 'no commit'}${code.dirty ? ' (dirty)' : ''}`
  return {
    kind: 'measurement',
    what: `${load}; ${where}; ${version}`,
    unit: 'rounds',
    value: rounds,
    samples: rounds,
  }
}

/** Before and after, as ratios with their intervals. */
function changes(
  comparison: ScenarioComparison | undefined,
  result: Result,
  since: string | undefined,
): Evidence[] {
  if (!comparison) return []
  const base = result.base?.find(({ name }) => name === comparison.scenario)
  const curve: Evidence[] = base
    ? [
        {
          ...{ kind: 'measurement', what: `latency in ${since ?? result.baseSubject}`, unit: 'ms' },
          ...{
            value: percentileMs(wholeHistogram(base.rounds), 95),
            samples: wholeHistogram(base.rounds).totalCount,
          },
          percentiles: PERCENTILES.map(percentile => [
            percentile,
            percentileMs(wholeHistogram(base.rounds), percentile),
          ]),
        },
      ]
    : []
  const ratios = comparison.metrics.map(
    ({ metric, ratio, verdict, base: before, head: after }): Evidence => ({
      ...{ kind: 'measurement', what: `${metric}, after / before: ${verdict}`, unit: 'ratio' },
      ...{ value: ratio?.estimate ?? after / before, samples: base?.rounds.length ?? 0 },
      ...(ratio &&
        Number.isFinite(ratio.interval.low) && { interval: [ratio.interval.low, ratio.interval.high] }),
    }),
  )
  return [...curve, ...ratios]
}

function ms(value: number): string {
  return `${rounded(value)}ms`
}

/** Three digits, as many as a histogram holds: 0.84, 12.3, 2041. */
function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
