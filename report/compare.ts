/** Holds two sets of rows against each other: what a change brought, and where a document is no longer true. */
import type { Rows } from './build.ts'
import type { Report, Row, Section, SectionId } from './document/document.ts'
import { fact } from './document/evidence.ts'
import { noChange } from './document/rows.ts'

/** Leaves in `rows` what `base` did not have or said otherwise, and marks what went. */
export function subtract(rows: Rows, base: Rows, ref: string): void {
  for (const [id, before] of Object.entries(base) as [SectionId, Row[]][]) {
    const after = rows[id] ?? []
    rows[id] = id === 'middleware' ? markStages(after, before, ref) : difference(id, after, before, ref)
  }
}

function difference(section: SectionId, after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  const changed = after.flatMap(row => {
    const other = known.get(row.id)
    if (row.volatile) return [row]
    if (!other) return [withFact(row, `in ${ref}`, 'not there')]
    return isSame(row, other) ? [] : [withFact(row, `in ${ref}`, other.cells.join(' | '))]
  })
  const gone = before
    .filter(row => !after.some(({ id }) => id === row.id))
    .map(row => removed(section, row, ref))
  const all = [...changed, ...gone]
  // The row that says which version it is differs always, and is no change by itself.
  return all.every(row => row.volatile) ? [...all, noChange(section, ref)] : all
}

function isSame(a: Pick<Row, 'cells' | 'state'>, b: Pick<Row, 'cells' | 'state'>): boolean {
  return a.state === b.state && a.cells.join('\n') === b.cells.join('\n')
}

function withFact(row: Row, what: string, value: string): Row {
  return { ...row, evidence: [...row.evidence, fact(what, value)] }
}

/** The cell that says what a row is about takes the mark; of a variable that is not the last one. */
function removed(section: SectionId, row: Row, ref: string): Row {
  const marked = section === 'environment' ? 1 : row.cells.length - 1
  const [first, ...rest] = row.cells.map((cell, index) => (index === marked ? `${cell} (removed)` : cell))
  return {
    ...row,
    cells: [first ?? '', ...rest],
    state: 'pass',
    evidence: [fact(`in ${ref}`, row.cells.join(' | ')), fact('now', 'not there')],
  }
}

/** The stack is drawn whole: what came has a plus before it, what went a minus. */
function markStages(after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  const marked = after.map(row => {
    const other = known.get(row.id)
    if (!other) return relabel(withFact(row, `in ${ref}`, 'not there'), '+')
    return withFact(row, `in ${ref}`, isSame(row, other) ? 'the same' : other.cells.join(': '))
  })
  for (const [index, row] of before.entries()) {
    if (after.some(({ id }) => id === row.id)) continue
    const predecessor = before[index - 1]?.id
    const at = marked.findIndex(({ id }) => id === predecessor) + 1
    marked.splice(at, 0, relabel(withFact(row, 'now', 'not there'), '-'))
  }
  return marked
}

function relabel(row: Row, mark: string): Row {
  const [label, ...rest] = row.cells
  return { ...row, cells: [`${mark}${label}`, ...rest] }
}

/** What a document says and the running service does not, one line for each row; measurements are left out. */
export function findLies(said: Report, found: Report): string[] {
  const lies = said.sections
    .filter(({ id }) => id !== 'performance')
    .flatMap(section => {
      const other = found.sections.find(({ id }) => id === section.id)
      return other ? sectionLies(section, other) : [`${section.title}: the section was not derived again`]
    })
  const order = ({ sections }: Report) => sections.map(({ id }) => id).join(', ')
  return order(said) === order(found)
    ? lies
    : [...lies, `the sections are ${order(said)}, and should be ${order(found)}`]
}

function sectionLies(said: Section, found: Section): string[] {
  const truth = new Map(found.rows.map(row => [row.id, row]))
  // Which rows may differ is for the service to say: a document could excuse any row of its own.
  const isVolatile = ({ id }: Pick<Row, 'id'>) => truth.get(id)?.volatile === true
  const claimed = said.rows.filter(row => !isVolatile(row))
  const heading = ({ title, columns }: Section) => [title, ...columns].join(' | ')
  const renamed = heading(said) === heading(found) ? [] : [`"${heading(said)}" should be "${heading(found)}"`]
  const wrong = claimed.flatMap(row => {
    const other = truth.get(row.id)
    const text = row.cells.join(' | ')
    if (!other) return [`${said.title}: "${text}" is no longer there`]
    const now = other.cells.join(' | ')
    if (now !== text) return [`${said.title}: "${text}" is now "${now}" (${other.state})`]
    return other.state === row.state
      ? []
      : [`${said.title}: "${text}" was "${row.state}" and is now "${other.state}"`]
  })
  const missing = found.rows
    .filter(row => !said.rows.some(({ id }) => id === row.id))
    .map(row => `${said.title}: "${row.cells.join(' | ')}" is missing`)
  const order = (rows: Section['rows']) => rows.map(({ id }) => id).join('\n')
  const isMoved = wrong.length + missing.length === 0 && order(said.rows) !== order(found.rows)
  return [
    ...renamed,
    ...wrong,
    ...missing,
    ...(isMoved ? [`${said.title}: the rows are now in another order`] : []),
  ]
}
