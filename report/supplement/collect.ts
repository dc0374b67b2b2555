/** Collects what a document has beside its sections. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Rows } from '../document/document.ts'
import type { Supplement } from '../document/supplement.ts'
import type { Repository } from '../git.ts'
import type { Surveyed } from '../survey.ts'
import { collectDependencies } from './dependencies.ts'
import { collectFolders, descriptionOf } from './folders.ts'
import { collectKnownIssues } from './known-issues.ts'
import { collectStatuses } from './statuses.ts'
import { readTests } from './tests.ts'

export type SupplementSources = {
  /** The folder of the app. */
  root: string
  repository: Repository | undefined
  /** The file of test results, where one was given. */
  tests: string | undefined
  surveyed: readonly Surveyed[]
  rows: Rows
}

/** Returns what the app's folder, its repository and the responses of this run say. */
export async function collectSupplement(sources: SupplementSources): Promise<Supplement> {
  const { root, repository, tests, surveyed, rows } = sources
  const read = (path: string) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
  const files = repository ? await repository.files() : []
  const paths = files.filter(({ change }) => change !== 'removed').map(({ path }) => path)
  const description = descriptionOf(read('package.json'))
  const dependencies = await collectDependencies(async path => read(path), repository?.readBase)
  return {
    ...(tests !== undefined && { tests: readTests(tests, root, repository?.committedAt) }),
    ...(description !== undefined && { description }),
    ...(dependencies && { dependencies }),
    statuses: collectStatuses(surveyed, Object.values(rows)),
    ...(repository && {
      knownIssues: collectKnownIssues(paths, path => read(path) ?? ''),
      folders: collectFolders(root, paths),
    }),
  }
}
