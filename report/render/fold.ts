/** Folds the rows of a long report: files by folder, and optional variables by the first word of their names. */
import type { Report, Section } from '../document/document.ts'
import type { Folder } from '../document/supplement.ts'
import { groupBy } from '../group-by.ts'
import { groupFiles, rankFolders, sourceOf } from './folders.ts'

type Rows = Section['rows']
type Cells = readonly string[]

/** How much is folded. */
export type Fold = {
  /** The folders below the top that have a row, beside those at the top. Undefined lists each file. */
  deeper?: readonly Folder[]
  /** As many optional variables with the same first word are one row. Undefined lists each variable. */
  family?: number
}

/**
 * Returns the ways to fold a report, from none to all: variables before folders of the source, and the folders that say
 * least about the service first. Families of two variables save little, so they come late.
 */
export function foldsOf({ folders = [], module }: Report): Fold[] {
  const source = sourceOf(module)
  const deeper = rankFolders(folders, source)
  const own = deeper.filter(({ path }) => path.startsWith(source)).length
  const without = (kept: number) =>
    Array.from({ length: deeper.length - kept + 1 }, (_, cut) => deeper.slice(0, deeper.length - cut))
  return [
    {},
    { deeper },
    { deeper, family: 5 },
    ...without(own).map(some => ({ deeper: some, family: 3 })),
    ...without(0).map(some => ({ deeper: some, family: 2 })),
  ]
}

/** Returns the cells of a section's rows. */
export function foldRows(
  { id, rows }: Section,
  { deeper, family }: Fold,
  folders: readonly Folder[],
): Cells[] {
  if (id === 'files' && deeper !== undefined) return foldFiles(rows, folders, deeper)
  if (id === 'environment' && family !== undefined) return foldVariables(rows, family)
  return rows.map(({ cells }) => cells)
}

function foldFiles(rows: Rows, folders: readonly Folder[], deeper: readonly Folder[]): Cells[] {
  return groupFiles(rows, folders, deeper).map(({ folder, purpose, rows: own }) => [
    `${folder} (${own.length} ${own.length === 1 ? 'file' : 'files'})`,
    `${purpose ?? namesOf(folder, own)}${doubtsOf(own)}`,
  ])
}

/** Names that a row without a purpose lists. */
const MAX_NAMES = 5

function namesOf(folder: string, rows: Rows): string {
  const names = rows.map(({ cells: [path = ''] }) =>
    path.startsWith(folder) ? path.slice(folder.length) : path,
  )
  const more = names.length - MAX_NAMES
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** A folded row does not hide that some of its files failed or were not verified. */
function doubtsOf(rows: Rows): string {
  const count = (state: string) => rows.filter(row => row.state === state).length
  const doubts = [
    { count: count('fail'), text: 'failed' },
    { count: count('not verified'), text: 'not verified: no opening comment' },
  ].filter(doubt => doubt.count > 0)
  return doubts.length === 0 ? '' : ` (${doubts.map(doubt => `${doubt.count} ${doubt.text}`).join(', ')})`
}

/** A required variable, and one that failed, keeps its row. */
function foldVariables(rows: Rows, family: number): Cells[] {
  const isFoldable = ({ state, cells }: Rows[number]) => state === 'pass' && cells[2] === 'No'
  const wordOf = ({ cells: [name = ''] }: Rows[number]) => name.split('_', 1)[0] ?? name
  const families = groupBy(rows.filter(isFoldable), wordOf)
  return rows.flatMap(row => {
    const own = families.get(wordOf(row)) ?? []
    if (!isFoldable(row) || own.length < family) return [row.cells]
    if (row !== own[0]) return []
    const names = own.map(({ cells: [name = ''] }) => name)
    return [[`${wordOf(row)}_* (${own.length} variables)`, names.join(', '), 'No']]
  })
}
