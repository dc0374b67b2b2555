/** Rows that stand for a whole section: not available, not measured, no change. */
import type { Row, SectionId } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { NONE } from './form.ts'
import { formOf } from './forms.ts'

/** Returns the only row of a section that this app does not have. */
export function notAvailable(section: SectionId, why: string): Row {
  return {
    id: 'not-available',
    cells: fill(section, `not available: ${why}`),
    state: 'not verified',
    evidence: [fact('not available', why)],
  }
}

/** Returns the only row of the measurements where nothing can be measured. */
export function notMeasured(why: string): Row {
  return {
    id: 'not-measured',
    cells: fill('performance', `not measured: ${why}`),
    state: 'not verified',
    volatile: true,
    evidence: [fact('not measured', why)],
  }
}

/** Returns the only row of a section that is the same in both versions. */
export function noChange(section: SectionId, base: string): Row {
  return {
    id: 'no-change',
    cells: fill(section, 'no change'),
    state: 'pass',
    evidence: [fact('rows of both versions', `the same as in ${base}`)],
  }
}

function fill(section: SectionId, text: string): [string, ...string[]] {
  const others = formOf(section).columns.slice(1)
  return [text, ...others.map(() => NONE)]
}
