/** Renders a report as Markdown in the fixed format. */
import type { Report, Section } from '../document/document.ts'
import { renderDrawing } from '../sections/middleware/drawing.ts'
import { renderMeasures } from '../sections/security/measures.ts'
import { oneLine } from './one-line.ts'

/** Returns the whole document, with a line end at its end. */
export function renderMarkdown({ feature, date, sections }: Report): string {
  const parts = sections.map(section => `### ${section.title}\n${renderSection(section)}\n`)
  return `## Backend Implementation Report – ${oneLine(feature)} (${date})\n\n${parts.join('\n')}`
}

function renderSection(section: Section): string {
  if (section.id === 'security') return renderMeasures(section)
  if (section.id === 'middleware') return renderDrawing(section)
  return table(
    section.columns,
    section.rows.map(({ cells }) => cells),
  )
}

/** The rule under each heading is as long as the heading with its spaces. */
function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = `|${columns.map(column => '-'.repeat(column.length + 2)).join('|')}|`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

/** GitHub Flavored Markdown §4.10: a pipe inside a cell is escaped. */
function escapeCell(text: string): string {
  return oneLine(text).replaceAll('|', '\\|')
}
