/** All checks of a migrations folder: by itself, against what is committed, and statement by statement. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJournal, readMigrations } from '../../src/db/migration-files.ts'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { checkFolder, type JournalEntry } from './folder.ts'
import { createGit, type Git } from './git.ts'
import {
  type Base,
  compareJournalWithHistory,
  compareWithBase,
  compareWithHistory,
  findBase,
  type Present,
  readCommitted,
} from './history.ts'
import type { Problem } from './problem.ts'
import { findUnsafe } from './unsafe.ts'

export type Result = {
  problems: Problem[]
  /** What was compared with what, and what could not be. */
  notes: string[]
}

const FOLDER = 'drizzle'

/**
 * Returns what is wrong with the migrations of a checkout. `ref` is the branch or commit to compare with; without it,
 * the default branch. Throws UserFacingError where there is no such ref, or no readable journal.
 */
export async function checkMigrations(root: string, ref?: string): Promise<Result> {
  const directory = join(root, FOLDER)
  const { entries, problems } = readFolder(directory)
  const git = createGit(root)
  const base = await findBase(git, ref)
  const present: Present = { folder: FOLDER, entries, read: path => readText(join(directory, path)) }
  const history = base ? await compare(git, base, present) : { problems: [], committed: new Set<string>() }
  const all = [
    ...problems,
    ...checkFolder(directory, entries, tag => history.committed.has(tag)),
    ...history.problems,
    // What cannot be read was named above.
    ...(problems.length > 0 ? [] : await findUnsafe(readMigrations(directory))),
  ]
  const count = `${entries.length} migration${entries.length === 1 ? '' : 's'} checked.`
  return { problems: all, notes: [count, ...(await describeComparison(git, base))] }
}

/** The journal, and what keeps the migrator from using the folder. Throws UserFacingError where there is no readable journal. */
function readFolder(directory: string): { entries: JournalEntry[]; problems: Problem[] } {
  let problems: Problem[] = []
  try {
    readMigrations(directory)
  } catch (error) {
    if (!(error instanceof UserFacingError)) throw error
    problems = [{ place: `${FOLDER}/`, what: error.message, remedy: 'Mend each of these.' }]
  }
  return { entries: readJournal(directory) as JournalEntry[], problems }
}

async function compare(git: Git, base: Base, present: Present) {
  const atBase = await readCommitted(git, base, FOLDER)
  const problems = await compareWithBase(git, base, atBase, present)
  const named = new Set(problems.map(({ place }) => place))
  const earlier = [
    ...(await compareWithHistory(git, base, present)),
    ...(await compareJournalWithHistory(git, base, present)),
  ]
  return {
    committed: new Set(atBase.entries.map(({ tag }) => tag)),
    problems: [...problems, ...earlier.filter(({ place }) => !named.has(place))],
  }
}

/** An edit that was not looked for must not pass for one that was not there. */
async function describeComparison(git: Git, base: Base | undefined): Promise<string[]> {
  const missing = 'whether a migration was edited, renamed or removed after it was committed'
  if (!base) return [`Not checked: ${missing}. There is no commit to compare with.`]
  const commit = base.commit.slice(0, 12)
  const compared = `Compared with ${commit} (${base.name})`
  const isShallow = (await git('rev-parse', '--is-shallow-repository'))?.trim() !== 'false'
  return isShallow
    ? [
        `${compared} alone. Not checked: ${missing} before it, since the clone is shallow (\`git fetch --unshallow\`).`,
      ]
    : [`${compared}, and with each commit of its first-parent line.`]
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
