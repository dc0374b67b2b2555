/** The tables on the terminal, as Markdown. */
import { type Row, tableRows } from '../result/figures.ts'
import type { Measurement, Result, ScenarioResult } from '../result/schema.ts'

/** Returns the report's table, the extended one under it, and a line for everything that a reader must know of it. */
export function renderResult(result: Result): string {
  const rows = result.scenarios.filter(scenario => scenario.rounds.length > 0).flatMap(tableRows)
  return [
    headline(result),
    '',
    renderReportTable(rows),
    '',
    renderExtended(rows),
    '',
    ...caveats(result, rows),
  ]
    .join('\n')
    .trimEnd()
}

/** Returns exactly the columns of the report. */
export function renderReportTable(rows: readonly Row[]): string {
  return markdownTable(
    ['Endpoint', 'Avg Latency', 'P95', 'Throughput'],
    rows.map(row => [
      row.label,
      formatMs(row.meanMs),
      formatMs(row.p95Ms),
      `${formatNumber(row.throughput)} rps`,
    ]),
  )
}

interface Column {
  head: string
  cell: (row: Row) => string | undefined
}

const extended: Column[] = [
  { head: 'p50', cell: row => formatMs(row.p50Ms) },
  { head: 'p90', cell: row => formatMs(row.p90Ms) },
  { head: 'p99', cell: row => formatMs(row.p99Ms) },
  { head: 'p99.9', cell: row => formatMs(row.p999Ms) },
  { head: 'max', cell: row => formatMs(row.maxMs) },
  { head: 'errors', cell: row => String(row.errors) },
  { head: 'CPU µs/req', cell: ({ server }) => server && formatNumber(server.cpuUsPerRequest) },
  {
    head: 'event loop',
    cell: ({ server }) => server && `${(server.eventLoopUtilisation * 100).toFixed(0)} %`,
  },
  { head: 'GC pauses', cell: ({ server }) => server && formatMs(server.gcPauseMs) },
  { head: 'RSS', cell: ({ server }) => server && formatMebibytes(server.rssBytes) },
  { head: 'queries/req', cell: ({ server }) => server?.queriesPerRequest?.toFixed(2) },
  {
    head: 'pool wait/req',
    cell: ({ server }) =>
      server?.poolWaitMsPerRequest === undefined ? undefined : formatMs(server.poolWaitMsPerRequest),
  },
]

/** A column that no row can fill is left out: a target tells nothing of its process. */
function renderExtended(rows: readonly Row[]): string {
  const columns = extended.filter(({ cell }) => rows.some(row => cell(row) !== undefined))
  return markdownTable(
    ['Endpoint', ...columns.map(({ head }) => head)],
    rows.map(row => [row.label, ...columns.map(({ cell }) => cell(row) ?? '')]),
  )
}

function headline(result: Result): string {
  const { options, fingerprint } = result
  const { machine, code } = fingerprint
  const load =
    options.mode === 'closed'
      ? `closed loop, ${options.connections} connections`
      : `open loop, ${options.rate}/s ${options.arrivals}, at most ${options.connections} connections`
  const commit = code.commit ? `, commit ${code.commit.slice(0, 7)}${code.dirty ? ' (dirty)' : ''}` : ''
  return [
    `${result.subject}${commit}: ${load}, ${options.rounds} rounds of ${options.duration} s.`,
    `${machine.cores} × ${machine.cpu}, Node.js ${machine.node}${machine.postgres ? `, PostgreSQL ${machine.postgres}` : ''}.`,
  ].join('\n')
}

function caveats(result: Result, rows: readonly Row[]): string[] {
  const environment = Object.entries(result.environment).map(([name, value]) => `${name}=${value}`)
  return [
    ...(result.cutShort ? ['CUT SHORT: not all rounds were run.'] : []),
    ...(result.quick ? ['QUICK: short rounds; good for a first look, not for a comparison.'] : []),
    ...(environment.length > 0 ? [`Unlike production: ${environment.join(', ')}.`] : []),
    ...rows.filter(row => row.void).map(row => `VOID ${row.label}: ${row.void}.`),
    ...rows.filter(row => row.errors > 0).map(row => `FAILED ${row.label}: ${row.errors} errors.`),
    ...intendedRates(result),
  ]
}

function intendedRates(result: Result): string[] {
  if (result.options.mode === 'closed') return []
  return result.scenarios.flatMap(scenario => {
    const achieved = scenario.rounds.map(round => formatNumber(round.rate)).join(', ')
    return [`${scenario.name}: intended ${result.options.rate}/s, achieved ${achieved}/s.`]
  })
}

export interface LabelledRounds {
  label: string
  rounds: readonly Measurement[]
}

/** Returns the rounds of each scenario of each subject, under the names of both. */
export function labelRounds(
  subjects: readonly { name: string; scenarios: readonly ScenarioResult[] }[],
): LabelledRounds[] {
  return subjects.flatMap(({ name, scenarios }) =>
    scenarios.map(scenario => ({ label: `${name}, ${scenario.name}`, rounds: scenario.rounds })),
  )
}

/** Returns a line for each list of rounds in which some are void. */
export function voidLines(lists: readonly LabelledRounds[]): string[] {
  return lists.flatMap(({ label, rounds }) => {
    const voids = rounds.filter(round => round.void)
    return voids.length === 0
      ? []
      : [`VOID ${label}, ${voids.length} of ${rounds.length} rounds: ${voids[0]?.void}.`]
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
