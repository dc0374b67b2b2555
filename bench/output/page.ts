/** One self-contained page of a result: no script, nothing to fetch, readable in light and in dark. */
import { compareScenarios, type ScenarioComparison } from '../compare.ts'
import { tableRows } from '../result/figures.ts'
import type { Result } from '../result/schema.ts'
import { percentileChart, ratioChart, sweepChart, timelineChart } from './charts.ts'
import { renderGroup } from './group.ts'
import { renderSweep } from './sweep-table.ts'
import { formatMs, formatNumber, renderResult } from './table.ts'

const style = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
    color: light-dark(#1b1f24, #e6e8eb); background: light-dark(#ffffff, #15181c); }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
  svg { width: 100%; min-width: 40rem; height: auto; }
  section, .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.25rem 0.75rem; text-align: right; border-bottom: 1px solid light-dark(#d8dce1, #3a4047); }
  th:first-child, td:first-child { text-align: left; }
  pre { font-size: 0.8rem; }
  .mark { font-weight: 600; color: light-dark(#a33c00, #ffae70); }`

/** Returns the whole document. */
export function renderPage(result: Result): string {
  const title = `${result.subject} · ${result.createdAt.slice(0, 10)}`
  const marks = [
    result.quick && 'Quick: short rounds.',
    result.cutShort && 'Cut short: not all rounds were run.',
  ]
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    ...marks.flatMap(mark => (mark ? [`<p class="mark">${mark}</p>`] : [])),
    ...comparisonSections(result),
    ...scenarioSections(result),
    ...(result.groups ?? []).map(group =>
      section('In turns', `<div class="wide"><pre>${escapeHtml(renderGroup(group))}</pre></div>`),
    ),
    ...(result.sweeps ?? []).map(sweep =>
      section(
        `${sweep.scenario} by ${sweep.by}`,
        `${sweepChart(sweep)}<div class="wide"><pre>${escapeHtml(renderSweep(sweep))}</pre></div>`,
      ),
    ),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}
</style>
</head>
<body>
${body.join('\n')}
</body>
</html>
`
}

function scenarioSections(result: Result): string[] {
  const scenarios = result.scenarios.filter(scenario => scenario.rounds.length > 0)
  if (scenarios.length === 0) return []
  return [
    section('Figures', figuresTable(result)),
    section('Latency by percentile', percentileChart(scenarios)),
    section('Throughput over time', timelineChart(scenarios)),
    section('As on the terminal', `<div class="wide"><pre>${escapeHtml(renderResult(result))}</pre></div>`),
  ]
}

function comparisonSections(result: Result): string[] {
  if (!result.base) return []
  const comparisons: ScenarioComparison[] = compareScenarios(result.base, result.scenarios, {
    ...{ mode: result.options.mode, isPaired: true, maxRegression: 0.05 },
  })
  const renamed = (name: string, scenarios: Result['scenarios']) =>
    scenarios.map(scenario => ({ ...scenario, name: `${scenario.name}, ${name}` }))
  const first = result.baseSubject ?? 'base'
  const sides = [...renamed(first, result.base), ...renamed(result.subject, result.scenarios)]
  return [
    section(`${result.subject} against ${first}`, ratioChart(comparisons)),
    section('Latency of both', percentileChart(sides.filter(side => side.rounds.length > 0))),
  ]
}

function figuresTable(result: Result): string {
  const head = ['Endpoint', 'Avg Latency', 'P95', 'Throughput', 'CPU µs/request', 'Errors']
  const rows = result.scenarios
    .filter(scenario => scenario.rounds.length > 0)
    .flatMap(tableRows)
    .map(row => [
      row.label,
      ...[row.meanMs, row.p95Ms].map(formatMs),
      `${formatNumber(row.throughput)} rps`,
      row.server ? formatNumber(row.server.cpuUsPerRequest) : '',
      String(row.errors),
    ])
  const cells = (tag: string, row: string[]): string =>
    `<tr>${row.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table>${cells('th', head)}${rows.map(row => cells('td', row)).join('')}</table></div>`
}

function section(heading: string, content: string): string {
  return `<section><h2>${escapeHtml(heading)}</h2>${content}</section>`
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
