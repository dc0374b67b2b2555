/** The example module: what `new` copies. */
import { UserFacingError } from '../src/lib/user-facing-error.ts'
import { placesOfModule } from './modules.ts'
import { isIn } from './places.ts'
import type { Staging } from './staging.ts'

export const EXAMPLE = 'notes'

/** Where its files are kept once it is removed, as text that no tool compiles. */
const KEPT = 'template/example'
const SUFFIX = '.txt'

/** Returns the files of the example by their paths in the repository, without those of parts that are gone. */
export function readExample(staging: Pick<Staging, 'has' | 'list' | 'read'>): Map<string, string> {
  const live = staging.list().filter(path => isIn(path, placesOfModule(EXAMPLE)))
  if (live.length > 0) return new Map(live.map(path => [path, staging.read(path)]))
  const kept = staging.list().filter(path => isIn(path, [KEPT]))
  if (kept.length === 0) {
    throw new UserFacingError(
      `\`new\` copies the module ${EXAMPLE}, which is not there: restore src/modules/${EXAMPLE}.`,
    )
  }
  const files = kept.map((path): [string, string] => {
    return [path.slice(KEPT.length + 1, -SUFFIX.length), staging.read(path)]
  })
  return new Map(files.filter(([path]) => staging.has(path.split('/')[0] ?? '')))
}

/** Keeps the files of the example for `new`, before it is removed. */
export function keepExample(staging: Staging): void {
  if (!staging.has('template')) return
  for (const [path, text] of readExample(staging)) staging.write(`${KEPT}/${path}${SUFFIX}`, text)
}
