/** Writes a parsed report in the canonical form, which is the form that the report itself has. */
import { renderTable, renderTitle } from '../render/markdown.ts'
import { renderMeasure } from '../sections/security/measures.ts'
import type { Parsed, ParsedSection } from './parse.ts'

/** Returns the whole document. The text must be free of deviations. */
export function format({ feature, date, sections }: Parsed): string {
  const parts = sections.map(section => `### ${section.form.title}\n${bodyOf(section)}\n`)
  // The sample has a placeholder for the name, which is not escaped.
  const title =
    feature === '<feature>'
      ? `## Backend Implementation Report – ${feature} (${date})`
      : renderTitle(feature, date)
  return `${title}\n\n${parts.join('\n')}`
}

function bodyOf({ form, rows, measures, drawing }: ParsedSection): string {
  if (form.id === 'security') {
    return measures.map(({ isTicked, text }) => renderMeasure(isTicked, text)).join('\n')
  }
  if (form.id === 'middleware') return ['```', ...drawing.map(({ text }) => text), '```'].join('\n')
  return renderTable(
    form.columns,
    rows.map(({ cells }) => cells),
  )
}
