/** One self-contained page of a result: no script, nothing to fetch, readable in light and in dark. */
import { compareScenarios, type ScenarioComparison } from '../compare.ts'
import { tableRows } from '../result/figures.ts'
import type { Result } from '../result/schema.ts'
import { percentileLabel, ratioLabel, sweepLabel, timelineLabel } from './chart-labels.ts'
import { percentileChart, ratioChart, sweepChart, timelineChart } from './charts.ts'
import { renderComparison } from './comparison.ts'
import { renderGroup } from './group.ts'
import { renderSweep } from './sweep-table.ts'
import { formatLatency, formatNumber, machineLine, renderResult } from './table.ts'

/** What `ab` allows where nothing else was said: the options of the command are not in a result. */
const MAX_REGRESSION = 0.05

const style = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
    color: light-dark(#1b1f24, #e6e8eb); background: light-dark(#ffffff, #15181c); }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
  .about { color: light-dark(#57606a, #9aa4af); margin-top: -0.5rem; }
  figure { margin: 0; overflow-x: auto; }
  svg { width: 100%; min-width: 40rem; height: auto; display: block; }
  .wide { overflow-x: auto; }
  figure:focus-visible, .wide:focus-visible { outline: 2px solid light-dark(#0b62c4, #6cb2ff); }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.25rem 0.75rem; text-align: right; border-bottom: 1px solid light-dark(#d8dce1, #3a4047); }
  th:first-child, td:first-child { text-align: left; }
  pre { font-size: 0.8rem; margin: 0; }
  .notes { padding-left: 1.2rem; overflow-wrap: anywhere; }
  .mark { font-weight: 600; color: light-dark(#a33c00, #ffae70); }`

/** Returns the whole document. */
export function renderPage(result: Result): string {
  const title = titleOf(result)
  const marks = [
    result.quick && 'Quick: short rounds.',
    result.cutShort && 'Cut short: not all rounds were run.',
  ]
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="about">${escapeHtml(machineLine(result.fingerprint))}</p>`,
    ...marks.flatMap(mark => (mark ? [`<p class="mark">${mark}</p>`] : [])),
    ...comparisonSections(result),
    ...scenarioSections(result),
    ...(result.groups ?? []).map(group =>
      section('In turns', terminal('Figures and ratios of what was measured in turns', renderGroup(group))),
    ),
    ...(result.sweeps ?? []).map(sweep =>
      section(
        `${sweep.scenario} by ${sweep.by}`,
        chart(sweepLabel(sweep), sweepChart(sweep)) + terminal('Steps of the sweep', renderSweep(sweep)),
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
<main>
${body.join('\n')}
</main>
</body>
</html>
`
}

function scenarioSections(result: Result): string[] {
  const scenarios = result.scenarios.filter(scenario => scenario.rounds.length > 0)
  if (scenarios.length === 0) return []
  return [
    section('Figures', figuresTable(result)),
    section('Latency by percentile', chart(percentileLabel(scenarios), percentileChart(scenarios))),
    section('Throughput over time', chart(timelineLabel(scenarios), timelineChart(scenarios))),
    section('As on the terminal', terminal('All tables of this result', renderResult(result))),
  ]
}

function comparisonSections(result: Result): string[] {
  if (!result.base) return []
  const { busyLimit } = result.options
  const comparisons: ScenarioComparison[] = compareScenarios(result.base, result.scenarios, {
    mode: result.options.mode,
    isPaired: true,
    maxRegression: MAX_REGRESSION,
    ...(busyLimit !== undefined && { busyLimit }),
  })
  const renamed = (name: string, scenarios: Result['scenarios']) =>
    scenarios.map(scenario => ({ ...scenario, name: `${scenario.name}, ${name}` }))
  const first = result.baseSubject ?? 'base'
  const sides = [...renamed(first, result.base), ...renamed(result.subject, result.scenarios)]
  const measured = sides.filter(side => side.rounds.length > 0)
  const ratios = renderComparison(comparisons, { base: first, head: result.subject }, MAX_REGRESSION)
  return [
    section(
      `${result.subject} against ${first}`,
      chart(ratioLabel(comparisons), ratioChart(comparisons)) + terminal('The comparison', ratios),
    ),
    section('Latency of both', chart(percentileLabel(measured), percentileChart(measured))),
  ]
}

function figuresTable(result: Result): string {
  const head = ['Endpoint', 'Avg Latency', 'P95', 'Throughput', 'CPU µs/request', 'Errors']
  const rows = result.scenarios
    .filter(scenario => scenario.rounds.length > 0)
    .flatMap(tableRows)
    .map(row => [
      row.label,
      ...[row.meanMs, row.p95Ms].map(ms => formatLatency(row, ms)),
      `${formatNumber(row.throughput)} rps`,
      row.server ? formatNumber(row.server.cpuUsPerRequest) : '',
      String(row.errors),
    ])
  const cells = (tag: string, row: string[]): string =>
    `<tr>${row.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  const table = `<table>${cells('th', head)}${rows.map(row => cells('td', row)).join('')}</table>`
  return scrollable('Figures of each endpoint', table)
}

/** A chart is a picture to those who cannot see it: its label says what it shows, and where it goes. */
function chart(label: string, svg: string): string {
  const picture = svg.replace(/^<svg /, `<svg role="img" aria-label="${escapeHtml(label)}" `)
  // What scrolls must be reached by keyboard (WCAG 2.1.1).
  return `<figure tabindex="0" role="group" aria-label="${escapeHtml(`Chart: ${label}`)}">${picture}</figure>`
}

function terminal(label: string, text: string): string {
  return scrollable(label, `<pre>${escapeHtml(text)}</pre>`)
}

function scrollable(label: string, content: string): string {
  return `<div class="wide" tabindex="0" role="group" aria-label="${escapeHtml(label)}">${content}</div>`
}

/** The subject, the commit and the day: a page that was saved has to say what it is of. */
function titleOf({ subject, createdAt, fingerprint: { code } }: Result): string {
  const commit = code.commit ? ` at ${code.commit.slice(0, 7)}${code.dirty ? ', changed since' : ''}` : ''
  return `${subject}${commit} · ${createdAt.slice(0, 10)}`
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
