/** Compares the rows of a document with those of the running service. */
import type { Report, Section } from '../document/document.ts'
import type { Evidence } from '../document/evidence.ts'

type Sections = Pick<Report, 'sections'>

/** Returns one line for each row of a document that is not true for the running service. Leaves out measurements. */
export function findStaleRows(published: Sections, found: Sections): string[] {
  const stale = published.sections
    .filter(({ id }) => id !== 'performance')
    .flatMap(section => {
      const other = found.sections.find(({ id }) => id === section.id)
      return other ? findStaleIn(section, other) : [`${section.title}: the section was not derived again`]
    })
  const order = ({ sections }: Sections) => sections.map(({ id }) => id).join(', ')
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
  const known = new Set(published.rows.map(({ id }) => id))
  const missing = found.rows
    .filter(row => !known.has(row.id))
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

/** Returns one line for each endpoint whose measurement is missing or not of a scenario. The figures are not compared. */
export function findStaleEndpoints(published: Sections, found: Sections): string[] {
  const [before, now] = [published, found].map(endpointsOf)
  const { title = '' } = published.sections.find(({ id }) => id === 'performance') ?? {}
  return [
    ...[...(before ?? [])]
      .filter(name => !now?.has(name))
      .map(name => `${title}: nothing measures "${name}"`),
    ...[...(now ?? [])].filter(name => !before?.has(name)).map(name => `${title}: "${name}" is missing`),
  ]
}

function endpointsOf({ sections }: Sections): Set<string> {
  const rows = sections.find(({ id }) => id === 'performance')?.rows ?? []
  return new Set(rows.map(({ cells: [endpoint = ''] }) => endpoint))
}

/** Returns one line for each row whose evidence is of another status, value or place than now. */
export function findStaleEvidence(published: Sections, found: Sections): string[] {
  return published.sections
    .filter(({ id }) => id !== 'performance')
    .flatMap(({ id, title, rows }) => {
      const current = new Map(found.sections.find(other => other.id === id)?.rows.map(row => [row.id, row]))
      return rows.flatMap(row => {
        const now = current.get(row.id)
        if (!now || now.volatile) return []
        const [before, after] = [row, now].map(({ evidence }) => evidence.flatMap(comparable))
        const old = before?.find(text => !after?.includes(text))
        const fresh = after?.find(text => !before?.includes(text))
        if (old === undefined && fresh === undefined) return []
        const name = row.cells.join(' | ')
        return [
          `${title}: the evidence of "${name}" was "${old ?? 'nothing'}" and is now "${fresh ?? 'nothing'}"`,
        ]
      })
    })
}

/** A duration, a rate or a size differs from run to run. */
const MEASURED = /\d ?(?:ms|µs|s|seconds?|minutes?|%|MB|MiB|KiB|bytes)\b|\d+\/s/

/** Cursors hold times and ids of a run. */
const OPAQUE = /=[^&\s]{20,}/g

function comparable(evidence: Evidence): string[] {
  if (evidence.kind === 'source') return [`${evidence.file}:${evidence.line}`]
  if (evidence.kind === 'exchange') {
    const { sent, request, status, code } = evidence
    return [`${request.replaceAll(OPAQUE, '=…')} (${sent}): ${status}${code === undefined ? '' : ` ${code}`}`]
  }
  if (evidence.kind !== 'fact' || MEASURED.test(evidence.value)) return []
  return [`${evidence.what}: ${evidence.value}`]
}
