/** Watches which packages a process loads and which environment variables its code reads. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { watchModules } from './modules.ts'
import type { LoadedPackage, VariableRead } from './observation.ts'
import { callerPlace, OBSERVER, shortName } from './places.ts'

/** Starts to record the installed packages that modules are loaded from. Returns a function that lists them. */
export function watchPackages(root: string): () => LoadedPackage[] {
  const folders = new Set<string>()
  const update = watchModules(url => {
    const folder = url.startsWith('file:') && /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(url)?.[0]
    if (folder) folders.add(fileURLToPath(folder))
  })
  return () => {
    update()
    // The report is a package too.
    const found = [...folders].filter(folder => !OBSERVER.startsWith(`${folder}${sep}`))
    return found.sort().flatMap(folder => describePackage(folder, root))
  }
}

function describePackage(folder: string, root: string): LoadedPackage[] {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return []
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
  if (name === undefined || version === undefined) return []
  return [{ name, version, file: shortName(file, root) }]
}

/** They read variables for the app's code that calls them. */
const SETTINGS_LIBRARIES =
  /\/node_modules\/(envalid|convict|env-var|env-schema|zod|znv|joi|yup|valibot|arktype|superstruct|@sinclair\/typebox|typebox|@t3-oss\/env-core|@nestjs\/config|lodash|nconf|config|rc|getenv|env-sanitize)\//

/** Starts to record the variables that the app's own code reads by name, without their values. */
export function watchVariables(root: string): () => VariableRead[] {
  const reads = new Map<string, VariableRead>()
  let enumerated: string | symbol | undefined
  process.env = new Proxy(process.env, {
    get(target, name, receiver) {
      // A copy of the whole environment asks for each property's descriptor before its value.
      if (typeof name === 'string' && name !== enumerated) record(name)
      enumerated = undefined
      return Reflect.get(target, name, receiver)
    },
    getOwnPropertyDescriptor(target, name) {
      enumerated = name
      return Reflect.getOwnPropertyDescriptor(target, name)
    },
  })
  function record(name: string): void {
    if (reads.has(name)) return
    const place = callerPlace(root, SETTINGS_LIBRARIES)
    // Node.js, the packages and the tools that start the app read variables too.
    if (!place || place.file.startsWith('..') || place.file.startsWith(`node_modules${sep}`)) return
    reads.set(name, { name, place })
  }
  return () => [...reads.values()]
}

/** Returns the nearest folder above a file with a package.json, or else the file's own folder. */
export function packageRoot(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(file)
  }
}
