/** Performance Metrics: a bench result of this commit on this machine, or "not measured". */
import { RunError, UsageError } from '../../../harness/errors.ts'
import { describeMachine } from '../../../harness/machine.ts'
import type { Row } from '../../document/document.ts'
import { type Evidence, fact, type Measurement } from '../../document/evidence.ts'
import type { Repository } from '../../git.ts'
import type { Settings } from '../../options.ts'
import { notAvailable, notMeasured } from '../rows.ts'
import {
  type Bench,
  type EndpointFigures,
  type Estimate,
  type Figures,
  loadBench,
  runBench,
} from './bench.ts'

const UNMEASURED = 'not measured'

type Options = Pick<Settings, 'bench' | 'since' | 'app'>

export type Measure = (repository: Repository | undefined, signal: AbortSignal) => Promise<Row[]>

/**
 * Returns a function that runs the bench, or reads a result, and returns the rows. Throws a RunError where the result
 * cannot be read. `load` returns undefined where this repository has no benchmark suite.
 */
export async function preparePerformance(
  { bench: wanted, since, app }: Options,
  load = loadBench,
): Promise<Measure> {
  if (app !== undefined) {
    return async () => [notAvailable('performance', 'the bench measures the reference service')]
  }
  const suite = await load()
  if (!suite) return async () => [notMeasured('this repository has no benchmark suite')]
  if (wanted === 'none') return () => unmeasuredRows(suite, 'no bench was run')
  if (wanted === 'quick' || wanted === 'full') {
    return async (_repository, signal) =>
      toRows(await runBench(suite, { kind: wanted, since, signal }), since)
  }
  const figures = await suite.readFigures(wanted).catch(error => {
    throw error instanceof UsageError ? new RunError(error.message) : error
  })
  return async repository => {
    const why = mismatchReason(figures, repository)
    return why === undefined ? toRows(figures, since) : unmeasuredRows(suite, why)
  }
}

async function unmeasuredRows(bench: Bench, why: string): Promise<Row[]> {
  const endpoints = await bench.listEndpoints()
  if (endpoints.length === 0) return [notMeasured('no scenario measures one endpoint')]
  return endpoints.map(({ endpoint }) => unmeasuredRow(endpoint, why))
}

function unmeasuredRow(name: string, why: string): Row {
  return {
    id: name,
    cells: [name, UNMEASURED, UNMEASURED, UNMEASURED],
    state: 'not verified',
    volatile: true,
    evidence: [fact(UNMEASURED, why)],
  }
}

/** Returns why the figures are not of this commit on this machine; undefined where they are. */
function mismatchReason({ cutShort, machine, code }: Figures, repository: Repository | undefined) {
  if (cutShort) return 'the result was cut short'
  const differences = Object.entries(describeMachine()).filter(([name, value]) => machine[name] !== value)
  if (differences.length > 0) {
    return `the result is of another machine: ${differences.map(([name]) => name).join(', ')} differ`
  }
  if (code.commit !== repository?.version.commit) {
    return `the result is of commit ${code.commit?.slice(0, 10)}`
  }
  if (code.dirty || repository?.version.dirty) {
    return 'the working tree was or is dirty: the result may be of other code'
  }
  return undefined
}

/** Returns a row per endpoint. */
export function toRows(figures: Figures, since: string | undefined): Row[] {
  const run = describeRun(figures)
  return figures.endpoints.map(endpoint =>
    endpoint.void === undefined
      ? measuredRow(endpoint, [run, ...compareToBase(endpoint, since)])
      : unmeasuredRow(endpoint.endpoint, endpoint.void),
  )
}

function measuredRow(figures: EndpointFigures, more: Evidence[]): Row {
  const { endpoint, meanMs, p95Ms, throughput } = figures
  const hasErrors = figures.errors > 0
  const errors = fact('requests without the expected response', hasErrors ? 'some' : '0', {
    is: '0',
    met: !hasErrors,
  })
  return {
    id: endpoint,
    cells: [endpoint, ms(meanMs.value), ms(p95Ms), `${rounded(throughput.value)} rps`],
    state: hasErrors ? 'fail' : 'pass',
    volatile: true,
    evidence: [errors, ...measurementsOf(figures), ...more],
  }
}

function measurementsOf(figures: EndpointFigures): Measurement[] {
  const { requests: samples, rounds, meanMs, p95Ms, throughput, percentiles } = figures
  const cpu = figures.serverCpuUsPerRequest
  return [
    { kind: 'measurement', what: 'mean latency', unit: 'ms', samples, ...meanMs },
    { kind: 'measurement', what: 'latency', unit: 'ms', value: p95Ms, samples, percentiles },
    { kind: 'measurement', what: 'throughput', unit: 'requests/s', samples: rounds, ...throughput },
    ...(cpu === undefined ? [] : [cpuMeasurement(cpu, samples)]),
  ]
}

function cpuMeasurement(value: number, samples: number): Measurement {
  return { kind: 'measurement', what: 'server CPU per request', unit: 'µs', value, samples }
}

function describeRun({ run, machine, code }: Figures): Evidence {
  const { mode, connections, rounds, duration, quick } = run
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

/** The latencies of the base, and each metric as a ratio with its interval. */
function compareToBase({ base }: EndpointFigures, since: string | undefined): Measurement[] {
  if (!base) return []
  const { p95Ms, percentiles, requests, rounds } = base
  const what = `latency in ${since ?? 'the base'}`
  return [
    { kind: 'measurement', what, unit: 'ms', value: p95Ms, samples: requests, percentiles },
    ...base.ratios.map(ratio => ratioMeasurement(ratio, rounds)),
  ]
}

type Ratio = Estimate & { metric: string; verdict: string }

function ratioMeasurement({ metric, verdict, ...estimate }: Ratio, samples: number): Measurement {
  const what = `${metric}, after / before: ${verdict}`
  return { kind: 'measurement', what, unit: 'ratio', samples, ...estimate }
}

function ms(value: number): string {
  return `${rounded(value)}ms`
}

/** Three digits, as many as a histogram holds: 0.84, 12.3, 2041. */
function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
