/** `remove`: takes a module or a part out of the repository, with all that is left of it elsewhere. */

import { createGit } from '../checks/migrations/git.ts'
import { findBase, readCommitted } from '../checks/migrations/history.ts'
import { UserFacingError } from '../src/lib/user-facing-error.ts'
import { EXAMPLE, keepExample } from './example.ts'
import { readImports } from './imports.ts'
import { pruneLockfile } from './manifest.ts'
import { removeMigrations } from './migrations.ts'
import { INDEX, type Module, placesOfModule, readModules, removeFromIndex, tablesOf } from './modules.ts'
import { quote } from './names.ts'
import { PARTS, partsIn } from './parts.ts'
import { isIn, isText } from './places.ts'
import { prune, removeMarkers } from './prune.ts'
import type { Staging } from './staging.ts'

/** Throws UserFacingError, in one line, where one of these cannot be removed together with the others. */
export async function assertRemovable(staging: Staging, names: readonly string[]): Promise<void> {
  const modules = await readModules(staging.root)
  const known = [...modules.map(module => module.name), ...partsIn(staging)]
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UserFacingError(`There is no ${quote(name)} here: there are ${known.join(', ')}.`)
    }
    const problem = problemWithRemoval(modules, name, names) ?? findImport(staging, name, names)
    if (problem) throw new UserFacingError(problem)
  }
}

/** Makes all the changes in the copy. */
export async function remove(staging: Staging, name: string): Promise<void> {
  await assertRemovable(staging, [name])
  const tables = tablesOf(staging, name)
  const before = staging.read('package.json')
  const isPart = name in PARTS
  if (name === EXAMPLE) keepExample(staging)
  prune(staging, { places: PARTS[name]?.places ?? placesOfModule(name), parts: [name], tables })
  if (!isPart) {
    staging.edit(INDEX, text => removeFromIndex(text, name))
    const isDeployed = await readDeployed(staging.root)
    await removeMigrations(staging, { name, tables, isDeployed })
  }
  if (!staging.has('template')) {
    for (const path of staging.list().filter(isText)) staging.edit(path, removeMarkers)
  }
  if (isPart || staging.read('package.json') !== before) await pruneLockfile(staging)
  await staging.format()
}

function problemWithRemoval(
  modules: readonly Module[],
  name: string,
  names: readonly string[],
): string | undefined {
  const module = modules.find(other => other.name === name)
  if (module?.isRequired) return `${name} cannot be removed: the service does not work without it.`
  const users = modules.filter(other => other.needs?.includes(name) && !names.includes(other.name))
  if (users.length === 0) return undefined
  return `${name} cannot be removed: ${users.map(user => user.name).join(', ')} needs it. Remove that first.`
}

/** A source file that imports the module without saying that its own module needs it. */
function findImport(staging: Staging, name: string, names: readonly string[]): string | undefined {
  const places = names.flatMap(other => PARTS[other]?.places ?? placesOfModule(other))
  for (const [path, targets] of readImports(staging)) {
    const isOurs = !path.startsWith('src/') || path === INDEX || isIn(path, places)
    if (!isOurs && targets.some(target => isIn(target, PARTS[name]?.places ?? placesOfModule(name)))) {
      return `${name} cannot be removed: ${path} imports it.`
    }
  }
  return undefined
}

/**
 * Returns which migrations a database may have applied: those of origin's default branch. Where there is no origin, those
 * of the first commit: before it, there is nothing to go back to.
 */
async function readDeployed(root: string): Promise<(path: string) => boolean> {
  const git = createGit(root)
  const base = await findBase(git, undefined)
  if (!base) return () => false
  if (base.name.startsWith('origin/')) {
    const { files } = await readCommitted(git, base, 'drizzle')
    return path => files.has(path)
  }
  const [first = ''] = ((await git('rev-list', '--max-parents=0', 'HEAD')) ?? '').split('\n')
  const listed = (await git('ls-tree', '-r', '--name-only', first, 'drizzle/')) ?? ''
  const files = new Set(listed.split('\n'))
  return path => files.has(path)
}
