/** The list of measures in Markdown: a ticked box for each check that passed. */
import type { Section } from '../../document/document.ts'
import { oneLine } from '../../render/one-line.ts'

/** Returns the section's lines, one per measure. */
export function renderMeasures({ rows }: Section): string {
  return rows
    .map(({ state, cells: [claim = ''] }) => `- [${state === 'pass' ? 'x' : ' '}] ${oneLine(claim)}`)
    .join('\n')
}

/** Returns a function that checks one line at a time, and says what is wrong with it. */
export function createMeasureCheck(): (line: string) => string | undefined {
  const seen = new Set<string>()
  return line => {
    const [, box, text = ''] = /^- \[([x ])\] (\S.*)$/.exec(line) ?? []
    if (box === undefined) return 'a measure is "- [x] text" or "- [ ] text"'
    const isRepeated = seen.has(text)
    seen.add(text)
    if (isRepeated) return 'the measure is there twice'
    if (box === 'x' && /\(not verified\b/.test(text)) return 'a box is ticked that was not verified'
    return /\(not verified(: *)?\)/.test(text) ? '"not verified" says why' : undefined
  }
}
