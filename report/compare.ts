/** Compares the rows of a document with those of the running service. */
import type { Report, Section } from './document/document.ts'

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
