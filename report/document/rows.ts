/** Makes the rows that every section may need: what is not available, and what did not change. */
import type { Row, SectionId } from './document.ts'
import { type Evidence, fact, isSome, type SomeEvidence } from './evidence.ts'
import { NONE, sectionForm } from './sections.ts'

/** The one row of a section that cannot be had from this app. */
export function notAvailable(section: SectionId, why: string): Row {
  return {
    id: 'not-available',
    cells: fill(section, `not available: ${why}`),
    state: 'not verified',
    evidence: [fact('not available', why)],
  }
}

/** The one row of a section that a change left as it was. */
export function noChange(section: SectionId, base: string): Row {
  return {
    id: 'no-change',
    cells: fill(section, 'no change'),
    state: 'pass',
    evidence: [fact('rows of both versions', `the same as in ${base}`)],
  }
}

function fill(section: SectionId, text: string): [string, ...string[]] {
  return [
    text,
    ...sectionForm(section)
      .columns.slice(1)
      .map(() => NONE),
  ]
}

/** A list of evidence that is known to hold some; throws where a collector forgot it. */
export function some(evidence: readonly Evidence[]): SomeEvidence {
  if (!isSome(evidence)) throw new Error('a row without evidence')
  return evidence
}
