/** Groups the files of a report by folder, for the Markdown and for the page. */
import type { Section } from '../document/document.ts'
import type { Folder } from '../document/supplement.ts'
import { groupBy } from '../group-by.ts'

type Rows = Section['rows']

export type FolderGroup = { folder: string; purpose: string | undefined; rows: Rows }

const ROOT = './'

/** Returns the folder at the top that holds the module which was started; an empty string where there is none. */
export function sourceOf(module: string): string {
  return module.includes('/') ? module.slice(0, module.indexOf('/') + 1) : ''
}

/** Returns the folders below the top whose purpose is known: those of the service's source first, then shallow ones. */
export function rankFolders(folders: readonly Folder[], source: string): Folder[] {
  const depth = ({ path }: Folder) => path.split('/').length
  const rank = ({ path }: Folder) => (path.startsWith(source) ? 0 : 1)
  return folders
    .filter(folder => depth(folder) > 2)
    .toSorted((a, b) => rank(a) - rank(b) || depth(a) - depth(b) || (a.path < b.path ? -1 : 1))
}

/**
 * Returns the files by folder, in the order of the folders: a group for each folder at the top and for each of `deeper`.
 * Files outside of all folders, and in hidden ones such as `.github/`, are in the group `./`, which comes last.
 */
export function groupFiles(rows: Rows, folders: readonly Folder[], deeper: readonly Folder[]): FolderGroup[] {
  const purposes = new Map(folders.map(({ path, purpose }) => [path, purpose]))
  const known = new Set(deeper.map(({ path }) => path))
  const groups = groupBy(rows, ({ cells: [path = ''] }) => folderOf(path, known))
  const rank = ({ folder }: FolderGroup) => (folder === ROOT ? 1 : 0)
  return [...groups]
    .map(([folder, own]) => ({ folder, purpose: purposes.get(folder), rows: own }))
    .toSorted((a, b) => rank(a) - rank(b) || (a.folder < b.folder ? -1 : 1))
}

function folderOf(path: string, known: ReadonlySet<string>): string {
  const parts = path.split('/').slice(0, -1)
  for (let level = parts.length; level > 1; level--) {
    const folder = `${parts.slice(0, level).join('/')}/`
    if (known.has(folder)) return folder
  }
  const [top = '.'] = parts
  return top.startsWith('.') ? ROOT : `${top}/`
}
