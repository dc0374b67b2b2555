/** Renders the eight sections: each folds, and each row opens to its evidence. */
import type { Report, Section } from '../document/document.ts'
import { OUTCOMES, outcomeOf, verdictOf } from '../document/verdict.ts'
import { renderPlot } from '../sections/performance/plot.ts'
import { escapeHtml } from './escape.ts'
import { renderEvidence } from './evidence.ts'
import { groupFiles, rankFolders, sourceOf } from './folders.ts'
import { MARKS, renderMark } from './marks.ts'
import { renderPipeline } from './pipeline.ts'

type Row = Section['rows'][number]
type Anchors = ReadonlyMap<Row, string>

/** A section with more rows is folded at first, unless one of them failed or was not verified. */
const MAX_OPEN_ROWS = 60

/** Returns a section. In a report of a change, measures that passed as before are one line that opens. */
export function renderSection(section: Section, report: Report, anchors: Anchors): string {
  const { id, title } = section
  return foldable(id, title, renderCounts(section), renderBody(section, report, anchors), isOpen(section))
}

/** Returns a section of the page that folds, with its counts beside its title. */
export function foldable(
  id: string,
  title: string,
  counts: string,
  body: string,
  open: boolean,
  kind = 'section',
): string {
  return `<section id="${id}"><details class="${kind}"${open ? ' open' : ''}>
<summary><h2>${escapeHtml(title)}</h2> ${counts}</summary>
<div class="body">
${body}
</div></details></section>`
}

function isOpen({ id, rows }: Section): boolean {
  return id === 'files' || rows.length <= MAX_OPEN_ROWS || rows.some(({ state }) => state !== 'pass')
}

/** Returns how many rows of a section passed, failed, and so on: those that are not 0. */
export function renderCounts(section: Section): string {
  const verdict = verdictOf([section])
  const counts = OUTCOMES.filter(outcome => verdict[outcome] > 0).map(outcome => {
    const { mark, name, word } = MARKS[outcome]
    return `<span class="${name}"><span aria-hidden="true">${mark} ${verdict[outcome]}</span><span class="hidden">${verdict[outcome]} ${word.toLowerCase()}</span></span>`
  })
  return `<span class="counts">${counts.join(' ')}</span>`
}

function renderBody(section: Section, report: Report, anchors: Anchors): string {
  if (section.id === 'files') return renderFiles(section, report, anchors)
  if (section.id === 'security' && report.range.base) return renderChangedMeasures(section, anchors)
  const rows = renderRows(section, section.rows, anchors)
  if (section.id !== 'middleware') return rows
  const isBad = section.rows.some(({ state }) => state !== 'pass')
  return `${renderPipeline(section)}${group(`${section.rows.length} stages, with their hooks and responses`, rows, isBad)}`
}

function renderRows(section: Section, rows: readonly Row[], anchors: Anchors): string {
  const { id, title, columns } = section
  const labels = columns.map(column => `<span>${escapeHtml(column)}</span>`).join('')
  return `<p class="columns" aria-hidden="true" data-columns="${columns.length}"><span></span><span></span><span class="cells">${labels}</span></p>
<ul class="rows" data-rows aria-label="${escapeHtml(title)}" data-section="${id}">
${rows.map(row => renderRow(section, row, anchors)).join('\n')}
</ul>`
}

function renderRow(section: Section, row: Row, anchors: Anchors): string {
  const { columns, id } = section
  const outcome = outcomeOf(section, row)
  const texts = row.cells.map(
    (cell, index) =>
      `<span><span class="label">${escapeHtml(columns[index] ?? '')}: </span>${escapeHtml(cell)}</span>`,
  )
  const plot = id === 'performance' ? renderPlot(row) : ''
  return `<li><details class="row ${MARKS[outcome].name}" id="${anchors.get(row)}"><summary data-columns="${columns.length}"><span class="chevron" aria-hidden="true"></span>${renderMark(outcome)}<span class="cells">${texts.join(' ')}</span></summary>
<div class="evidence">${plot}${renderEvidence(row.evidence)}</div></details></li>`
}

function group(title: string, rows: string, isOpen: boolean): string {
  return `<details class="group"${isOpen ? ' open' : ''}><summary><span class="chevron" aria-hidden="true"></span><span>${title}</span></summary>
${rows}</details>`
}

/** What passed as in the base is one line. A document without a comparison folds all that passed. */
function renderChangedMeasures(section: Section, anchors: Anchors): string {
  const isFolded = ({ state, change = 'unchanged' }: Row) => state === 'pass' && change === 'unchanged'
  const same = section.rows.filter(isFolded)
  const others = section.rows.filter(row => !isFolded(row))
  const folded =
    same.length === 0
      ? ''
      : group(`${same.length} measures passed, as before`, renderRows(section, same, anchors), false)
  return `${others.length === 0 ? '' : renderRows(section, others, anchors)}${folded}`
}

/** The evidence of a file is what git says of it, so it stands in the row. */
function renderFiles(section: Section, { folders = [], module }: Report, anchors: Anchors): string {
  const groups = groupFiles(section.rows, folders, rankFolders(folders, sourceOf(module)))
  const items = groups.map(({ folder, purpose, rows }) => {
    const count = rows.length === 1 ? '1 file' : `${rows.length} files`
    const isBad = rows.some(({ state }) => state !== 'pass')
    return `<li><details class="group"${isBad && rows.length <= MAX_OPEN_ROWS ? ' open' : ''}><summary><span class="chevron" aria-hidden="true"></span><span><code>${escapeHtml(folder)}</code> <small>${count}</small></span><span>${escapeHtml(purpose ?? '')}</span></summary>
<ul class="files">${rows.map(row => renderFile(section, row, anchors)).join('\n')}</ul></details></li>`
  })
  return `<ul class="rows" data-rows aria-label="${escapeHtml(section.title)}">${items.join('\n')}</ul>`
}

function renderFile(section: Section, row: Row, anchors: Anchors): string {
  const outcome = outcomeOf(section, row)
  const [path = '', purpose = ''] = row.cells
  const facts = row.evidence.flatMap(item => (item.kind === 'fact' ? [`${item.what}: ${item.value}`] : []))
  return `<li class="${MARKS[outcome].name}" id="${anchors.get(row)}">${renderMark(outcome)}<code>${escapeHtml(path)}</code><span>${escapeHtml(purpose)} <small>${escapeHtml(facts.join('; '))}</small></span></li>`
}
