/** Compares the rows of two versions: keeps what is new or changed, and marks it. */
import type { Row, Rows, SectionId } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import { noChange } from '../sections/rows.ts'

/** The row that stands for a section that is not available. */
const NOT_AVAILABLE = 'not-available'

/**
 * Reduces `rows` to what is new or changed since `base`, and adds what was removed. All stages and all measures stay, with
 * how they differ.
 */
export function subtract(rows: Rows, base: Rows, ref: string): void {
  for (const [id, before] of Object.entries(base) as [SectionId, Row[]][]) {
    const after = rows[id] ?? []
    if (id === 'middleware') rows[id] = markStages(after, before, ref)
    else if (id === 'security') rows[id] = markMeasures(after, before, ref)
    else rows[id] = difference(id, after, before, ref)
  }
}

function difference(section: SectionId, after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  const changed = after.flatMap(row => {
    const other = known.get(row.id)
    if (row.volatile) return [row]
    if (!other) return [added(row, ref)]
    return isSame(row, other) ? [] : [changedFrom(other, row, ref)]
  })
  const removed = before
    .filter(({ id }) => id !== NOT_AVAILABLE && !after.some(row => row.id === id))
    .map(row => markRemoved(section, row, ref))
  const all = [...changed, ...removed]
  // The row with the version always differs, which is not a change.
  return all.every(row => row.volatile) ? [...all, noChange(section, ref)] : all
}

function isSame(a: Pick<Row, 'cells' | 'state'>, b: Pick<Row, 'cells' | 'state'>): boolean {
  return a.state === b.state && a.cells.join('\n') === b.cells.join('\n')
}

function added(row: Row, ref: string): Row {
  return { ...withFact(row, `in ${ref}`, 'not there'), change: 'added' }
}

function changedFrom(other: Row, row: Row, ref: string): Row {
  const state = other.state === row.state ? '' : ` (${other.state})`
  return { ...withFact(row, `in ${ref}`, `${other.cells.join(' | ')}${state}`), change: 'changed' }
}

function withFact(row: Row, what: string, value: string): Row {
  return { ...row, evidence: [...row.evidence, fact(what, value)] }
}

/** Marks the cell with the description, which is the last one except in the section of the variables. */
function markRemoved(section: SectionId, row: Row, ref: string): Row {
  const marked = section === 'environment' ? 1 : row.cells.length - 1
  const [first, ...rest] = row.cells.map((cell, index) => (index === marked ? `${cell} (removed)` : cell))
  return {
    ...row,
    cells: [first ?? '', ...rest],
    // A database that has applied a migration keeps what it did.
    state: section === 'database' ? 'fail' : 'pass',
    change: 'removed',
    evidence: [fact(`in ${ref}`, row.cells.join(' | ')), fact('now', 'not there')],
  }
}

/** The whole stack is drawn: a new stage gets a plus sign, a removed one a minus sign. */
function markStages(after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  const marked = after.map(row => {
    const other = known.get(row.id)
    if (!other) return withSign(added(row, ref), '+')
    return isSame(row, other) ? unchanged(row, ref) : changedFrom(other, row, ref)
  })
  for (const [index, row] of before.entries()) {
    if (after.some(({ id }) => id === row.id)) continue
    const predecessor = before[index - 1]?.id
    const at = marked.findIndex(({ id }) => id === predecessor) + 1
    const removed: Row = { ...withFact(row, 'now', 'not there'), change: 'removed' }
    marked.splice(at, 0, withSign(removed, '-'))
  }
  return marked
}

function withSign(row: Row, sign: string): Row {
  const [label, ...rest] = row.cells
  return { ...row, cells: [`${sign}${label}`, ...rest] }
}

/** Every measure is about the whole service, so each stays. */
function markMeasures(after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  return after.map(row => {
    const other = known.get(row.id)
    if (!other) return added(row, ref)
    return isSame(row, other) ? unchanged(row, ref) : changedFrom(other, row, ref)
  })
}

function unchanged(row: Row, ref: string): Row {
  return { ...withFact(row, `in ${ref}`, 'the same'), change: 'unchanged' }
}
