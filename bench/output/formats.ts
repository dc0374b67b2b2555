/** The forms in which a result is printed: the table, and the JSON of two trackers of benchmarks over time. */
import { UsageError } from '../../harness/errors.ts'
import { type Row, tableRows } from '../result/figures.ts'
import type { Result } from '../result/schema.ts'
import { renderResult } from './table.ts'

const formats: Record<string, (result: Result) => string> = {
  table: renderResult,
  'github-action-benchmark': result => JSON.stringify(githubActionBenchmark(result), null, 2),
  bencher: result => JSON.stringify(bencher(result), null, 2),
}

/** Returns the function that prints a result in that form; throws a UsageError that lists the forms there are. */
export function chooseFormat(format = 'table'): (result: Result) => string {
  const render = formats[format]
  if (!render) throw new UsageError(`--format takes ${Object.keys(formats).join(', ')}, not "${format}"`)
  return render
}

/** github-action-benchmark's `customSmallerIsBetter`, in which a tool's entries all point one way: time per something. */
export function githubActionBenchmark(
  result: Result,
): { name: string; unit: string; value: number; extra: string }[] {
  const extra = [result.fingerprint.machine.cpu, `Node.js ${result.fingerprint.machine.node}`].join('\n')
  return rowsOf(result).flatMap(row => [
    ...(row.server
      ? [{ name: `${row.label} CPU`, unit: 'µs/request', value: row.server.cpuUsPerRequest, extra }]
      : []),
    { name: `${row.label} mean`, unit: 'ms', value: row.meanMs, extra },
    { name: `${row.label} p95`, unit: 'ms', value: row.p95Ms, extra },
    { name: `${row.label} time per request`, unit: 'µs', value: 1e6 / row.throughput, extra },
  ])
}

type BencherMeasure = {
  value: number
  lower_value?: number
  upper_value?: number
}

/** Bencher Metric Format: benchmark → measure → value. Latency is in nanoseconds, as Bencher's own measure is. */
export function bencher(result: Result): Record<string, Record<string, BencherMeasure>> {
  return Object.fromEntries(
    rowsOf(result).map(row => [
      row.label,
      {
        latency: { value: row.meanMs * 1e6, lower_value: row.p50Ms * 1e6, upper_value: row.p95Ms * 1e6 },
        throughput: { value: row.throughput },
        ...(row.server && { 'cpu-per-request': { value: row.server.cpuUsPerRequest } }),
      },
    ]),
  )
}

function rowsOf(result: Result): Row[] {
  return result.scenarios.filter(scenario => scenario.rounds.length > 0).flatMap(tableRows)
}
