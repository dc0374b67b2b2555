/** Removes files from the repository, and what is left of them elsewhere: imports, scripts, settings, rows of documents. */
import { pruneDocument } from './documents.ts'
import { mentionsPackage, readImports } from './imports.ts'
import { SHARED } from './parts.ts'
import { isIn, isText, placeOf } from './places.ts'
import type { Staging } from './staging.ts'

type Package = {
  name: string
  workspaces?: string[]
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/** Settings whose lists name folders and files. */
const LISTS =
  /^(?:[\w.-]+\.json|[\w.-]+\.config\.ts|[\w.-]+\.c?js|\.gitignore|\.dockerignore|\.gitattributes|test\/drift\.test\.ts)$/
// The published report is true or stale as a whole: `report -- verify` says which.
const NOT_LISTS = ['package.json', 'package-lock.json']

/** A line that opens or closes what belongs to a part: `// part: bench`, `# end: bench`, `<!-- part: bench -->`. */
const MARKER = /^[ \t]*(?:\/\/|#|<!--|\/\*) (part|end): ([a-z-]+)(?: -->| \*\/)?[ \t]*$/

export type Removed = {
  /** Files and folders. */
  places: readonly string[]
  /** Names in the markers of what goes with them. */
  parts: readonly string[]
  /** Names of tables of the database. */
  tables?: readonly string[]
}

/** Removes files and folders with what depends on them. */
export function prune(staging: Staging, { places, parts, tables = [] }: Removed): void {
  const before = readImports(staging)
  const texts = staging
    .list()
    .filter(path => isIn(path, places) && path.endsWith('.ts'))
    .map(staging.read)
  for (const place of places) staging.remove(place)
  const gone = new Set([...places, ...removeDependents(staging, before)])
  for (const place of SHARED.filter(shared => staging.has(shared) && !isImported(staging, shared))) {
    staging.remove(place)
    gone.add(place)
  }
  for (const path of staging.list().filter(isText)) {
    staging.edit(path, text => removeMarked(text, parts))
  }
  const scripts = pruneManifest(staging, [...gone], texts)
  pruneLists(staging, [...gone])
  for (const path of staging.list().filter(isDocument)) {
    staging.edit(path, text => pruneDocument(text, { path, gone: [...gone], scripts, tables }))
  }
}

/** Returns the text without the parts that are marked with one of these names. */
export function removeMarked(text: string, parts: readonly string[]): string {
  if (!text.includes('end: ')) return text
  const stack: boolean[] = []
  const kept = text.split('\n').filter(line => {
    const [, kind, name = ''] = MARKER.exec(line) ?? []
    if (kind === 'part') stack.push(parts.includes(name))
    const isKept = !stack.includes(true)
    if (kind === 'end') stack.pop()
    return isKept
  })
  return kept.join('\n').replaceAll(/\n{3,}/g, '\n\n')
}

/** Returns the text without the marker lines, for a repository that has no tool to read them. */
export function removeMarkers(text: string): string {
  return text
    .split('\n')
    .filter(line => !MARKER.test(line))
    .join('\n')
}

/**
 * Removes what imports a file that is gone, over and over, except in src/, where nothing may. Helpers whose last user
 * went go too. Returns what was removed.
 */
function removeDependents(staging: Staging, before: ReadonlyMap<string, string[]>): string[] {
  const removed: string[] = []
  const remove = (path: string) => {
    staging.remove(path)
    removed.push(path)
  }
  const isGone = (path: string) => before.has(path) && !staging.has(path)
  const usersOf = (path: string) => [...before].filter(([, targets]) => targets.includes(path))
  for (let count = -1; count !== removed.length; ) {
    count = removed.length
    for (const [path, targets] of before) {
      if (isGone(path) || path.startsWith('src/')) continue
      const users = usersOf(path)
      const isUnused =
        /(?:^|\/)helpers\//.test(path) && users.length > 0 && users.every(([user]) => isGone(user))
      if (isUnused || targets.some(isGone)) remove(path)
    }
  }
  return removed
}

/** Documents of tests are samples. */
function isDocument(path: string): boolean {
  return path.endsWith('.md') && !/(?:^|\/)test\//.test(path)
}

function isImported(staging: Staging, place: string): boolean {
  const users = [...readImports(staging)].filter(([path]) => !isIn(path, [place]))
  return users.some(([, targets]) => targets.some(target => isIn(target, [place])))
}

/** Removes workspaces, scripts and dependencies that only what is gone used. Returns the names of the scripts. */
function pruneManifest(staging: Staging, gone: readonly string[], texts: readonly string[]): string[] {
  const manifest = JSON.parse(staging.read('package.json')) as Package
  const removed: string[] = []
  for (const [name, script] of Object.entries(manifest.scripts)) {
    const steps = script.split(' && ')
    const kept = steps.filter(step => !step.split(' ').some(word => isIn(placeOf(word), gone)))
    if (kept.length === steps.length) continue
    if (kept.length > 0) manifest.scripts[name] = kept.join(' && ')
    else {
      delete manifest.scripts[name]
      removed.push(name)
    }
  }
  if (manifest.workspaces) {
    manifest.workspaces = manifest.workspaces.filter(name => !isIn(placeOf(name), gone))
  }
  removeDependencies(staging, manifest, texts)
  staging.edit('package.json', () => `${JSON.stringify(manifest, null, 2)}\n`)
  return removed
}

function removeDependencies(staging: Staging, manifest: Package, texts: readonly string[]): void {
  const scripts = Object.values(manifest.scripts).join(' ')
  const kept = staging
    .list()
    .filter(path => /\.(?:ts|m?js|json|sh)$/.test(path) && !NOT_LISTS.includes(path))
    .map(staging.read)
  const isUnused = (name: string) =>
    !name.startsWith('@types/') &&
    texts.some(text => mentionsPackage(text, name)) &&
    !kept.some(text => mentionsPackage(text, name)) &&
    !scripts.split(/[\s/]/).includes(name)
  for (const list of [manifest.dependencies, manifest.devDependencies]) {
    const unused = Object.keys(list).filter(isUnused)
    for (const name of unused) {
      delete list[name]
      delete list[`@types/${name.replace(/^@/, '').replace('/', '__')}`]
    }
  }
}

/** Takes what is gone out of the lists of settings: strings of arrays, and lines of ignore files. */
function pruneLists(staging: Staging, gone: readonly string[]): void {
  for (const path of staging.list().filter(name => LISTS.test(name) && !NOT_LISTS.includes(name))) {
    staging.edit(path, text => (path.startsWith('.') ? withoutLines(text, gone) : withoutStrings(text, gone)))
  }
}

function withoutLines(text: string, gone: readonly string[]): string {
  const lines = text.split('\n')
  return lines.filter(line => !isIn(placeOf(line.split(' ')[0] ?? ''), gone) || line.trim() === '').join('\n')
}

/** An element of an array, with the comma that follows it or, of the last, the one before it. */
function withoutStrings(text: string, gone: readonly string[]): string {
  const isGone = (element: string) => isIn(placeOf(element), gone)
  return text
    .replaceAll(/(?<=[[,]\s*)(['"])([^'"\n]+)\1\s*,[ \t]*(?:\n[ \t]*)?/g, (all, _, element) =>
      isGone(element) ? '' : all,
    )
    .replaceAll(/,?[ \t]*(['"])([^'"\n]+)\1(?=\s*\])/g, (all, _, element) => (isGone(element) ? '' : all))
}
