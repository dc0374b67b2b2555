/** The list of measures in Markdown: a ticked box for each check that passed. */
import type { Section } from '../../document/document.ts'
import { escapeText } from '../../render/escape-markdown.ts'

/** Returns the section's lines, one per measure. */
export function renderMeasures({ rows }: Section): string {
  return rows.map(({ state, cells: [claim = ''] }) => renderMeasure(state === 'pass', claim)).join('\n')
}

export function renderMeasure(isTicked: boolean, claim: string): string {
  return `- [${isTicked ? 'x' : ' '}] ${escapeText(claim)}`
}
