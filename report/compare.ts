/** Compares the rows of two versions, and the rows of a document with those of the running service. */
import type { Report, Row, Rows, Section, SectionId } from './document/document.ts'
import { fact } from './document/evidence.ts'
import { noChange } from './sections/rows.ts'

/** Reduces `rows` to what is new or changed since `base`, and adds what was removed. */
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
  const removed = before
    .filter(row => !after.some(({ id }) => id === row.id))
    .map(row => markRemoved(section, row, ref))
  const all = [...changed, ...removed]
  // The row with the version always differs, which is not a change.
  return all.every(row => row.volatile) ? [...all, noChange(section, ref)] : all
}

function isSame(a: Pick<Row, 'cells' | 'state'>, b: Pick<Row, 'cells' | 'state'>): boolean {
  return a.state === b.state && a.cells.join('\n') === b.cells.join('\n')
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
    state: 'pass',
    evidence: [fact(`in ${ref}`, row.cells.join(' | ')), fact('now', 'not there')],
  }
}

/** The whole stack is drawn: a new stage gets a plus sign, a removed one a minus sign. */
function markStages(after: readonly Row[], before: readonly Row[], ref: string): Row[] {
  const known = new Map(before.map(row => [row.id, row]))
  const marked = after.map(row => {
    const other = known.get(row.id)
    if (!other) return withSign(withFact(row, `in ${ref}`, 'not there'), '+')
    return withFact(row, `in ${ref}`, isSame(row, other) ? 'the same' : other.cells.join(': '))
  })
  for (const [index, row] of before.entries()) {
    if (after.some(({ id }) => id === row.id)) continue
    const predecessor = before[index - 1]?.id
    const at = marked.findIndex(({ id }) => id === predecessor) + 1
    marked.splice(at, 0, withSign(withFact(row, 'now', 'not there'), '-'))
  }
  return marked
}

function withSign(row: Row, sign: string): Row {
  const [label, ...rest] = row.cells
  return { ...row, cells: [`${sign}${label}`, ...rest] }
}

/** Returns one line for each row of a document that is not true for the running service. Leaves out measurements. */
export function findStaleRows(published: Report, found: Report): string[] {
  const stale = published.sections
    .filter(({ id }) => id !== 'performance')
    .flatMap(section => {
      const other = found.sections.find(({ id }) => id === section.id)
      return other ? findStaleIn(section, other) : [`${section.title}: the section was not derived again`]
    })
  const order = ({ sections }: Report) => sections.map(({ id }) => id).join(', ')
  if (order(published) === order(found)) return stale
  return [...stale, `the sections are ${order(published)}, and should be ${order(found)}`]
}

function findStaleIn(published: Section, found: Section): string[] {
  const { title } = published
  const current = new Map(found.rows.map(row => [row.id, row]))
  // The service decides which rows may differ. A document could excuse any row of its own.
  const fixed = published.rows.filter(({ id }) => current.get(id)?.volatile !== true)
  const heading = (section: Section) => [section.title, ...section.columns].join(' | ')
  const isRenamed = heading(published) !== heading(found)
  const changed = fixed.flatMap(row => {
    const line = describeChange(row, current.get(row.id))
    return line === undefined ? [] : [`${title}: ${line}`]
  })
  const missing = found.rows
    .filter(row => !published.rows.some(({ id }) => id === row.id))
    .map(row => `${title}: "${row.cells.join(' | ')}" is missing`)
  const order = (rows: Section['rows']) => rows.map(({ id }) => id).join('\n')
  const isMoved = changed.length + missing.length === 0 && order(published.rows) !== order(found.rows)
  return [
    ...(isRenamed ? [`"${heading(published)}" should be "${heading(found)}"`] : []),
    ...changed,
    ...missing,
    ...(isMoved ? [`${title}: the rows are now in another order`] : []),
  ]
}

type PublishedRow = Section['rows'][number]

function describeChange(row: PublishedRow, current: PublishedRow | undefined): string | undefined {
  const text = row.cells.join(' | ')
  if (!current) return `"${text}" is no longer there`
  const now = current.cells.join(' | ')
  if (now !== text) return `"${text}" is now "${now}" (${current.state})`
  return current.state === row.state
    ? undefined
    : `"${text}" was "${row.state}" and is now "${current.state}"`
}
