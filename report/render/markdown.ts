/** Writes a report as Markdown, exactly in the fixed format. */
import type { Report, Section } from '../document/document.ts'
import { drawStack } from './drawing.ts'

/** The whole document, with a line end at its end. */
export function renderMarkdown({ feature, date, sections }: Report): string {
  const parts = sections.map(section => `### ${section.title}\n${renderSection(section)}\n`)
  return `## Backend Implementation Report – ${oneLine(feature)} (${date})\n\n${parts.join('\n')}`
}

function renderSection(section: Section): string {
  if (section.id === 'security') return section.rows.map(renderMeasure).join('\n')
  if (section.id === 'middleware') {
    const stages = section.rows.map(({ cells }) => ({ label: cells[0] ?? '', answers: cells[1] ?? '' }))
    return ['```', ...drawStack(stages), '```'].join('\n')
  }
  return table(
    section.columns,
    section.rows.map(({ cells }) => cells),
  )
}

function renderMeasure({ state, cells }: Section['rows'][number]): string {
  return `- [${state === 'pass' ? 'x' : ' '}] ${oneLine(cells[0] ?? '')}`
}

/** A table of the format: a rule under each heading as long as the heading and its spaces. */
function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = `|${columns.map(column => '-'.repeat(column.length + 2)).join('|')}|`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

/** GitHub Flavored Markdown §4.10: a pipe inside a cell is escaped. */
function escapeCell(text: string): string {
  return oneLine(text).replaceAll('|', '\\|')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
