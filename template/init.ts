/** `init`: makes the repository a service of its own. */

import { EXAMPLE, keepExample } from './example.ts'
import type { Field } from './fields.ts'
import { pruneLockfile } from './manifest.ts'
import { squashMigrations } from './migrations.ts'
import { INDEX, placesOfModule, readModules, removeFromIndex, tablesOf } from './modules.ts'
import { addModule } from './new.ts'
import { PARTS } from './parts.ts'
import { isText } from './places.ts'
import { prune, removeMarkers } from './prune.ts'
import { renderReadme } from './readme.ts'
import { type Identity, rename } from './rename.ts'
import type { Staging } from './staging.ts'

const TEMPLATE_COMMIT = 'checks/migrations/template-commit.ts'

const PUBLISHED = ['REPORT.md', 'docs/report-of-a-change.md']

/** Tests of this command: a service does not begin twice. */
const TESTS = ['template/test/clones/init.test.ts', 'template/test/clones/four-commands.test.ts']

export type Init = Identity & {
  /** Parts and modules to remove. */
  without: readonly string[]
  /** A first module of its own. */
  module?: { name: string; fields: readonly Field[] } | undefined
}

/** Makes all the changes in the copy. Returns nothing: `staging.changes()` has them. */
export async function init(staging: Staging, { name, title, without, module }: Init): Promise<void> {
  const modules = await readModules(staging.root)
  const removed = modules.filter(other => without.includes(other.name)).map(other => other.name)
  const tables = removed.flatMap(other => tablesOf(staging, other))
  const commit = await staging.head()

  if (removed.includes(EXAMPLE) && !without.includes('template')) keepExample(staging)
  prune(staging, {
    places: [...removed.flatMap(placesOfModule), ...without.flatMap(part => PARTS[part]?.places ?? [])],
    parts: [...without, 'origin'],
    tables,
  })
  unpublish(staging)
  for (const path of TESTS) staging.remove(path)
  for (const other of removed) staging.edit(INDEX, text => removeFromIndex(text, other))
  await squashMigrations(staging, tables)
  if (module) await addModule(staging, module)
  staging.edit(TEMPLATE_COMMIT, text => text.replace(/(= )'\w*'/, `$1'${commit}'`))

  rename(staging, { name, title })
  const left = modules.map(other => other.name).filter(other => !removed.includes(other))
  const names = module ? [...left, module.name] : left
  staging.write('README.md', renderReadme({ name, title, modules: names, has: staging.has }))
  if (!staging.has('template')) {
    for (const path of staging.list().filter(isText)) staging.edit(path, removeMarkers)
  }
  await pruneLockfile(staging)
  await staging.format()
}

/** The reports of the template are of another service: documents name the files that new ones have, without a link. */
function unpublish(staging: Staging): void {
  for (const path of PUBLISHED) staging.remove(path)
  for (const path of staging.list().filter(name => name.endsWith('.md'))) {
    staging.edit(path, text =>
      text.replaceAll(/\[[^\]]*\]\((?:\.\.\/)*(REPORT\.md|(?:docs\/)?report-of-a-change\.md)\)/g, '`$1`'),
    )
  }
}
