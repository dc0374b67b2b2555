/** Renders a report as one self-contained HTML page: no network, no script, light and dark, with the evidence of each row. */
import type { Report, Section, State } from '../document/document.ts'
import { renderDrawingHtml } from '../sections/middleware/drawing.ts'
import { renderPlots } from '../sections/performance/plot.ts'
import { escapeHtml } from './escape.ts'
import { renderEvidence } from './evidence.ts'
import { STYLE } from './style.ts'

/** A shape and a word beside the colour: WCAG 2.2 §1.4.1. */
const MARKS: Record<State, { mark: string; name: string; word: string }> = {
  pass: { mark: '✓', name: 'pass', word: 'Pass' },
  fail: { mark: '✗', name: 'fail', word: 'Fail' },
  'not verified': { mark: '?', name: 'unverified', word: 'Not verified' },
}

const STATES = ['pass', 'fail', 'not verified'] as const

/** Returns the whole document. */
export function renderPage(report: Report): string {
  const title = `Backend Implementation Report – ${report.feature} (${report.date})`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${renderOrigin(report)}
${renderOverview(report)}
</header>
<main>
${report.sections.map(renderSection).join('\n')}
</main>
</body>
</html>
`
}

function renderOrigin({ range: { head, base }, machine, module }: Report): string {
  const name = (version: typeof head) =>
    `${version.commit?.slice(0, 10) ?? 'no commit'}${version.ref === undefined ? '' : ` (${version.ref})`}`
  const state = head.dirty ? ', with changes that are not committed' : ''
  const range = base ? `Change from ${name(base)} to ${name(head)}${state}` : `Version ${name(head)}${state}`
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`
  return `<p>${escapeHtml(range)}, started from ${escapeHtml(module)} on ${machine.cores} × ${escapeHtml(machine.cpu)}, ${memory}, kernel ${escapeHtml(machine.kernel)}, Node.js ${escapeHtml(machine.node)}.</p>`
}

/** A table with a line per section: how many rows passed, failed, or could not be verified. */
function renderOverview({ sections }: Report): string {
  const head = STATES.map(state => `<th scope="col">${MARKS[state].word}</th>`).join('')
  const rows = sections.map(({ id, title, rows: own }) => {
    const cells = STATES.map(state => {
      const count = own.filter(row => row.state === state).length
      return `<td class="${count > 0 ? MARKS[state].name : 'none'}">${count}</td>`
    })
    return `<tr><th scope="row"><a href="#${id}">${escapeHtml(title)}</a></th>${cells.join('')}</tr>`
  })
  return `<table class="overview"><caption>Rows by state</caption>
<thead><tr><th scope="col">Section</th>${head}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`
}

function renderSection(section: Section): string {
  const { id, title, columns, rows } = section
  const labels = columns.map(column => `<span>${escapeHtml(column)}</span>`).join('')
  return `<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
${renderPicture(section)}
<p class="columns" aria-hidden="true" data-columns="${columns.length}"><span></span>${labels}</p>
<ul>
${rows.map(row => renderRow(row, columns)).join('\n')}
</ul>
</section>`
}

/** What a section shows in addition to its rows. */
function renderPicture(section: Section): string {
  if (section.id === 'performance') return renderPlots(section)
  return section.id === 'middleware' ? renderDrawingHtml(section) : ''
}

function renderRow({ state, cells, evidence }: Section['rows'][number], columns: readonly string[]): string {
  const { mark, name, word } = MARKS[state]
  const texts = cells.map(
    (cell, index) =>
      `<span><span class="hidden">${escapeHtml(columns[index] ?? '')}: </span>${escapeHtml(cell)}</span>`,
  )
  return `<li><details class="${name}"><summary data-columns="${columns.length}"><span class="mark"><span aria-hidden="true">${mark}</span><span class="hidden">${word}. </span></span>${texts.join('')}</summary>
<div class="evidence">${renderEvidence(evidence)}</div></details></li>`
}
