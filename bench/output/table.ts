/** The tables on the terminal, as Markdown. */
import { type Row, tableRows } from '../result/figures.ts'
import type { Result } from '../result/schema.ts'

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

function renderExtended(rows: readonly Row[]): string {
  const head = ['Endpoint', 'p50', 'p90', 'p99', 'p99.9', 'max', 'errors']
  const serverHead = ['CPU µs/req', 'event loop', 'GC pauses', 'RSS', 'queries/req', 'pool wait/req']
  const hasServer = rows.some(row => row.server)
  return markdownTable(
    hasServer ? [...head, ...serverHead] : head,
    rows.map(row => [
      row.label,
      ...[row.p50Ms, row.p90Ms, row.p99Ms, row.p999Ms, row.maxMs].map(formatMs),
      String(row.errors),
      ...(hasServer ? serverCells(row) : []),
    ]),
  )
}

function serverCells({ server }: Row): string[] {
  if (!server) return Array.from({ length: 6 }, () => '')
  const { queriesPerRequest, poolWaitMsPerRequest } = server
  return [
    formatNumber(server.cpuUsPerRequest),
    `${(server.eventLoopUtilisation * 100).toFixed(0)} %`,
    formatMs(server.gcPauseMs),
    `${(server.rssBytes / 2 ** 20).toFixed(0)} MiB`,
    queriesPerRequest === undefined ? '–' : queriesPerRequest.toFixed(2),
    poolWaitMsPerRequest === undefined ? '–' : formatMs(poolWaitMsPerRequest),
  ]
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

/** Returns a number with three significant digits, whole from 100 on. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}
