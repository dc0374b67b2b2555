/** Finds the purpose of folders: in a listing of the repository's documents, a package.json, or the main file. */
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { Folder } from '../document/supplement.ts'
import { purposeOf } from '../sections/files/purpose.ts'

/** Where repositories list their folders. */
const DOCUMENTS = /^(README|CONTRIBUTING|ARCHITECTURE|docs\/[^/]+)\.md$/i

/** The files that state what their folder is for, the first known one first. */
const MAIN_FILES = /^(module|index|plugin|main)\.[cm]?[jt]s$/

/** A line of a listing: `src/http/   what every route needs`, also behind the lines of a tree. */
const LISTED = /^[│├└─\s]*([\w.@/-]+\/)\s+(?:#\s*)?(\S.*)$/

/** Returns the folders of these files whose purpose is stated, in the order of their paths. */
export function collectFolders(root: string, files: readonly string[]): Folder[] {
  const listed = new Map(
    files
      .filter(file => DOCUMENTS.test(file))
      .flatMap(file => listingOf(file, read(root, file)))
      .map(folder => [folder.path, folder]),
  )
  return [...foldersOf(files)].sort().flatMap(path => {
    const found = listed.get(path) ?? describedFolder(root, path, files)
    return found ? [found] : []
  })
}

/** Returns every folder that holds one of the files, however deep, with a slash at its end. */
function foldersOf(files: readonly string[]): Set<string> {
  const folders = new Set<string>()
  for (const file of files) {
    for (let at = file.indexOf('/'); at !== -1; at = file.indexOf('/', at + 1))
      folders.add(file.slice(0, at + 1))
  }
  return folders
}

function listingOf(file: string, text: string): Folder[] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  return blocks.flatMap(block =>
    block.split('\n').flatMap(line => {
      const [, path, purpose] = LISTED.exec(line) ?? []
      return path === undefined || purpose === undefined
        ? []
        : [{ path, purpose: capitalized(purpose), file }]
    }),
  )
}

function describedFolder(root: string, path: string, files: readonly string[]): Folder | undefined {
  const own = files.filter(file => posix.dirname(file) === path.slice(0, -1))
  const manifest = own.find(file => posix.basename(file) === 'package.json')
  const description = manifest === undefined ? undefined : descriptionOf(read(root, manifest))
  if (manifest !== undefined && description !== undefined)
    return { path, purpose: description, file: manifest }
  for (const file of own.filter(name => MAIN_FILES.test(posix.basename(name)))) {
    const purpose = purposeOf(file, read(root, file))
    if (purpose !== undefined) return { path, purpose, file }
  }
  return undefined
}

/** Returns the description in the text of a package.json; undefined where there is none. */
export function descriptionOf(manifest: string | undefined): string | undefined {
  if (manifest === undefined) return undefined
  try {
    const { description } = JSON.parse(manifest) as { description?: unknown }
    return typeof description === 'string' && description.trim() !== '' ? description : undefined
  } catch {
    // A template of a package.json need not be JSON.
    return undefined
  }
}

function read(root: string, file: string): string {
  const path = posix.join(root, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.trimEnd()
}
