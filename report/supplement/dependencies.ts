/** Compares the direct dependencies of a package, and the packages of its lockfile, with a version before. */
import type { Dependencies, Dependency } from '../document/supplement.ts'

/** Reads a file of a version: its text, or undefined where it is not there. */
export type ReadFile = (path: string) => Promise<string | undefined>

const KINDS = {
  dependencies: 'runtime',
  optionalDependencies: 'optional',
  devDependencies: 'development',
} as const

type Manifest = Partial<Record<keyof typeof KINDS, Record<string, string>>>
type Lock = { packages?: Record<string, Manifest & { version?: string; link?: boolean }> }
type Direct = Pick<Dependency, 'name' | 'kind' | 'version'>
type Packages = { direct: Map<string, Direct>; installed: Set<string> | undefined }

/** Returns the direct dependencies, or with a base what changed since then. Undefined where there is no package.json. */
export async function collectDependencies(
  read: ReadFile,
  readBase?: ReadFile,
): Promise<Dependencies | undefined> {
  const head = await readPackages(read)
  if (!head) return undefined
  if (!readBase) {
    return {
      direct: [...head.direct.values()],
      ...(head.installed && { installed: { total: head.installed.size } }),
    }
  }
  const base = (await readPackages(readBase)) ?? { direct: new Map<string, Direct>(), installed: undefined }
  return { direct: changesOf(head.direct, base.direct), ...installedOf(head.installed, base.installed) }
}

function changesOf(head: Packages['direct'], base: Packages['direct']): Dependency[] {
  const changed = [...head.values()].flatMap((dependency): Dependency[] => {
    const before = base.get(dependency.name)
    if (!before) return [{ ...dependency, change: 'added' }]
    const isSame = before.version === dependency.version && before.kind === dependency.kind
    return isSame ? [] : [{ ...dependency, change: 'changed', from: `${before.version} (${before.kind})` }]
  })
  const removed = [...base.values()].filter(({ name }) => !head.has(name))
  return [...changed, ...removed.map(dependency => ({ ...dependency, change: 'removed' as const }))]
}

function installedOf(
  head: Packages['installed'],
  base: Packages['installed'],
): Pick<Dependencies, 'installed'> {
  if (!head) return {}
  if (!base) return { installed: { total: head.size } }
  return {
    installed: {
      total: head.size,
      added: [...head].filter(name => !base.has(name)).length,
      removed: [...base].filter(name => !head.has(name)).length,
    },
  }
}

/** The lockfile knows the workspaces and the installed versions; without it there are the ranges of package.json. */
async function readPackages(read: ReadFile): Promise<Packages | undefined> {
  const manifest = parse<Manifest>(await read('package.json'))
  if (!manifest) return undefined
  const { packages } = parse<Lock>(await read('package-lock.json')) ?? {}
  const owners = packages
    ? Object.entries(packages).filter(([path]) => !path.includes('node_modules/'))
    : [['', manifest] as const]
  const direct = new Map<string, Direct>()
  for (const [path, owner] of owners) {
    for (const [field, kind] of Object.entries(KINDS)) {
      for (const [name, range] of Object.entries(owner[field as keyof typeof KINDS] ?? {})) {
        const nested = packages?.[`${path}/node_modules/${name}`] ?? packages?.[`node_modules/${name}`]
        // A workspace that links to another is no dependency, and the first owner is the service itself.
        if (nested?.link !== true && !direct.has(name)) {
          direct.set(name, { name, kind, version: nested?.version ?? range })
        }
      }
    }
  }
  return { direct, installed: packages && installedIn(packages) }
}

function installedIn(packages: NonNullable<Lock['packages']>): Set<string> {
  return new Set(
    Object.entries(packages)
      .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
      .map(([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`),
  )
}

function parse<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    // The app would not have started with it, so it is a lockfile of another kind.
    return undefined
  }
}
