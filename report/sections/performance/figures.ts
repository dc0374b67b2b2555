/** The rows of measured endpoints: figures with their intervals, and how they differ from the version before. */
import type { Row } from '../../document/document.ts'
import { type Evidence, fact, type Measurement } from '../../document/evidence.ts'
import type { EndpointFigures, Figures, Ratio } from './bench.ts'

const UNMEASURED = 'not measured'

/** Returns a row per endpoint. */
export function toRows(figures: Figures, since: string | undefined): Row[] {
  const run = describeRun(figures)
  return figures.endpoints.map(endpoint => {
    if (endpoint.void !== undefined) return unmeasuredRow(endpoint.endpoint, endpoint.void)
    const row = measuredRow(endpoint, [run, ...compareToBase(endpoint, since)])
    return endpoint.base ? judge(row, endpoint.base, since ?? 'the base') : row
  })
}

/** Returns a row whose cells say that it was not measured. */
export function unmeasuredRow(name: string, why: string): Row {
  return {
    id: name,
    cells: [name, UNMEASURED, UNMEASURED, UNMEASURED],
    state: 'not verified',
    volatile: true,
    evidence: [fact(UNMEASURED, why)],
  }
}

/** Fails a row that became slower than the base, and says so in its first cell: all three documents show it. */
function judge(row: Row, { ratios, disturbed }: Required<EndpointFigures>['base'], ref: string): Row {
  const what = `compared with ${ref}`
  const slower = ratios.filter(ratio => ratio.slower)
  if (slower.length === 0 && disturbed) {
    const doubt = fact(what, 'cannot tell: other processes took the CPU')
    const state = row.state === 'pass' ? 'not verified' : row.state
    return { ...row, state, evidence: [doubt, ...row.evidence] }
  }
  if (slower.length === 0) return { ...row, change: 'unchanged' }
  const text = slower.map(describeRatio).join('; ')
  const [endpoint, ...figures] = row.cells
  return {
    ...row,
    cells: [`${endpoint} (slower than ${ref}: ${text})`, ...figures],
    state: 'fail',
    // Requests that failed are no matter of speed.
    ...(row.state === 'pass' && { change: 'slower' as const }),
    evidence: [fact(what, text, { is: 'not slower', met: false }), ...row.evidence],
  }
}

function describeRatio({ metric, value, interval }: Ratio): string {
  const range = interval ? `, ${rounded(interval[0])} to ${rounded(interval[1])}` : ''
  return `${metric} × ${rounded(value)}${range}`
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

function ratioMeasurement({ metric, verdict, value, interval }: Ratio, samples: number): Measurement {
  const what = `${metric}, after / before: ${verdict}`
  return { kind: 'measurement', what, unit: 'ratio', value, samples, ...(interval && { interval }) }
}

function ms(value: number): string {
  return `${rounded(value)}ms`
}

/** Three digits, as many as a histogram holds: 0.84, 12.3, 2041. */
function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
