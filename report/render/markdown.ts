/** Renders a report as Markdown in the fixed format. A long report of a whole service is folded. */
import type { Report, Section } from '../document/document.ts'
import { renderDrawing } from '../sections/middleware/drawing.ts'
import { renderMeasures } from '../sections/security/measures.ts'
import { escapeCell, escapeText } from './escape-markdown.ts'
import { type Fold, foldRows, foldsOf } from './fold.ts'

/** People read the whole document: more lines than this are folded where the format allows it. */
export const MAX_LINES = 200

/** Returns the whole document, with a line end at its end. A report of a change has one row per file. */
export function renderMarkdown(report: Report): string {
  if (report.range.base) return renderFolded(report, {})
  const texts = foldsOf(report).map(fold => renderFolded(report, fold))
  return texts.find(text => text.split('\n').length - 1 <= MAX_LINES) ?? texts.at(-1) ?? ''
}

function renderFolded(report: Report, fold: Fold): string {
  const { feature, date, sections } = report
  const parts = sections.map(section => `### ${section.title}\n${renderSection(section, report, fold)}\n`)
  return `${renderTitle(feature, date)}\n\n${parts.join('\n')}`
}

function renderSection(section: Section, { folders = [] }: Report, fold: Fold): string {
  if (section.id === 'security') return renderMeasures(section)
  if (section.id === 'middleware') return renderDrawing(section)
  return renderTable(section.columns, foldRows(section, fold, folders))
}

export function renderTitle(feature: string, date: string): string {
  return `## Backend Implementation Report – ${escapeText(feature)} (${date})`
}

/** The rule under each heading is as long as the heading with its spaces. */
export function renderTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = `|${columns.map(column => '-'.repeat(column.length + 2)).join('|')}|`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}
