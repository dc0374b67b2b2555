/** The mark of each outcome on the page. A shape and a word stand beside the colour: WCAG 2.2 §1.4.1. */
import type { Outcome } from '../document/verdict.ts'

export const MARKS: Record<Outcome, { mark: string; name: string; word: string }> = {
  passed: { mark: '✓', name: 'pass', word: 'Passed' },
  failed: { mark: '✗', name: 'fail', word: 'Failed' },
  'not verified': { mark: '?', name: 'unverified', word: 'Not verified' },
  'not measured': { mark: '–', name: 'unmeasured', word: 'Not measured' },
}

/** Returns the mark of an outcome as HTML, with its word for screen readers. */
export function renderMark(outcome: Outcome): string {
  const { mark, word } = MARKS[outcome]
  return `<span class="mark"><span aria-hidden="true">${mark}</span><span class="hidden">${word}. </span></span>`
}
