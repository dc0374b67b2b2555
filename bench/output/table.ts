/** The tables on the terminal, as Markdown. */
import { type Row, tableRows } from '../result/figures.ts'
import type { Result } from '../result/schema.ts'
import { resultLines, roundLines } from './caveats.ts'
import { plural } from './text.ts'

/** Returns the report's table, those of latency and of the server, and a line for everything that a reader must know. */
export function renderResult(result: Result): string {
  const measured = result.scenarios.filter(scenario => scenario.rounds.length > 0)
  if (measured.length === 0)
    return [headline(result), '', 'Nothing was measured.', ...caveats(result)].join('\n')
  const rows = measured.flatMap(tableRows)
  const tables = [renderReportTable(rows), renderColumns(latency, rows), renderColumns(server, rows)]
  return [headline(result), '', ...tables.flatMap(table => (table ? [table, ''] : [])), ...caveats(result)]
    .join('\n')
    .trimEnd()
}

/** Returns exactly the columns of the report. */
export function renderReportTable(rows: readonly Row[]): string {
  return markdownTable(
    ['Endpoint', 'Avg Latency', 'P95', 'Throughput'],
    rows.map(row => [
      row.label,
      formatLatency(row, row.meanMs),
      formatLatency(row, row.p95Ms),
      `${formatNumber(row.throughput)} rps`,
    ]),
  )
}

type Column = {
  head: string
  cell: (row: Row) => string | undefined
}

const latency: Column[] = [
  { head: 'p50', cell: row => formatLatency(row, row.p50Ms) },
  { head: 'p90', cell: row => formatLatency(row, row.p90Ms) },
  { head: 'p99', cell: row => formatLatency(row, row.p99Ms) },
  { head: 'p99.9', cell: row => formatLatency(row, row.p999Ms) },
  { head: 'max', cell: row => formatLatency(row, row.maxMs) },
  { head: 'errors', cell: row => String(row.errors) },
]

/** What the server says of itself. */
const server: Column[] = [
  { head: 'CPU µs/req', cell: ({ server: own }) => own && formatNumber(own.cpuUsPerRequest) },
  {
    head: 'event loop',
    cell: ({ server: own }) => own && `${(own.eventLoopUtilisation * 100).toFixed(0)} %`,
  },
  { head: 'GC pauses', cell: ({ server: own }) => own && formatMs(own.gcPauseMs) },
  { head: 'RSS', cell: ({ server: own }) => own && formatMebibytes(own.rssBytes) },
  { head: 'queries/req', cell: ({ server: own }) => own?.queriesPerRequest?.toFixed(2) },
  {
    head: 'pool wait/req',
    cell: ({ server: own }) =>
      own?.poolWaitMsPerRequest === undefined ? undefined : formatMs(own.poolWaitMsPerRequest),
  },
]

/**
 * Returns a table of the rows that have something to say in these columns, and of the columns that some row fills;
 * undefined where there is none: a target says nothing of its process.
 */
function renderColumns(wanted: readonly Column[], rows: readonly Row[]): string | undefined {
  const columns = wanted.filter(({ cell }) => rows.some(row => cell(row) !== undefined))
  const filled = rows.filter(row => columns.some(({ cell }) => cell(row) !== undefined))
  if (columns.length === 0) return undefined
  return markdownTable(
    ['Endpoint', ...columns.map(({ head }) => head)],
    filled.map(row => [row.label, ...columns.map(({ cell }) => cell(row) ?? '')]),
  )
}

/** Returns the machine that was measured on, and what ran on it. */
export function machineLine({ machine }: Result['fingerprint']): string {
  const postgres = machine.postgres ? `, PostgreSQL ${machine.postgres}` : ''
  return `${machine.cores} × ${machine.cpu}, kernel ${machine.kernel}, Node.js ${machine.node}${postgres}.`
}

function headline(result: Result): string {
  const { options, fingerprint } = result
  const { code } = fingerprint
  const own = Object.entries(result.connections ?? {}).map(([name, count]) => `${name}: ${count}`)
  const connections =
    plural(options.connections, 'connection') + (own.length > 0 ? ` (${own.join(', ')})` : '')
  const load =
    options.mode === 'closed'
      ? `closed loop, ${connections}`
      : `open loop, ${options.rate}/s ${options.arrivals}, at most ${connections}`
  const commit = code.commit ? `, commit ${code.commit.slice(0, 7)}${code.dirty ? ' (dirty)' : ''}` : ''
  return [
    `${result.subject}${commit}: ${load}, ${plural(options.rounds, 'round')} of ${options.duration} s.`,
    machineLine(fingerprint),
  ].join('\n')
}

function caveats(result: Result): string[] {
  const lists = result.scenarios.map(scenario => ({ ...scenario, label: scenario.name }))
  return [
    ...resultLines(result),
    ...roundLines(lists, result.options.busyLimit),
    ...warmupLines(result),
    ...intendedRates(result),
  ]
}

function warmupLines({ scenarios, options }: Result): string[] {
  const warmups = scenarios.flatMap(({ warmup }) => warmup ?? [])
  // It was cut short before the first round.
  if (warmups.length === 0 && options.steady) return []
  if (warmups.length === 0)
    return [`Warm-up: ${options.warmup} s, as asked for; whether that was enough is not known.`]
  const seconds = warmups.flatMap(warmup => (warmup.steady ? warmup.seconds : []))
  if (seconds.length === 0) return []
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)].map(formatNumber)
  return [`Warm-up: until no longer getting faster, ${least === most ? least : `${least} to ${most}`} s.`]
}

function intendedRates(result: Result): string[] {
  if (result.options.mode === 'closed') return []
  return result.scenarios.flatMap(scenario => {
    const achieved = scenario.rounds.map(round => formatNumber(round.rate)).join(', ')
    return [`${scenario.name}: intended ${result.options.rate}/s, achieved ${achieved}/s.`]
  })
}

/** Returns a Markdown table with aligned columns; figures stand to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map(row => row[i]?.length ?? 0)))
  const pad = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)
  const line = (cells: readonly string[]): string => `| ${cells.map(pad).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** Returns a latency of a row; where no request got a response there is none, and 0 ms would be the best of all. */
export function formatLatency({ requests }: Row, ms: number): string {
  return requests === 0 ? '–' : formatMs(ms)
}

/** Returns milliseconds with three significant digits: `0.592ms`, `12.3ms`, `1240ms`. */
export function formatMs(ms: number): string {
  return `${formatNumber(ms)}ms`
}

export function formatMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`
}

/** Returns a number with three significant digits, whole from 100 on. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}
