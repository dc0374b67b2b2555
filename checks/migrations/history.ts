/** Compares the migrations with those that are committed: what may be deployed is only ever added to. */
import { createHash } from 'node:crypto'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { ask, commitOf, type Git } from './git.ts'
import type { Problem } from './problem.ts'
import { TEMPLATE_COMMIT } from './template-commit.ts'

/** Where the default branch is looked for, unless `--base` names one. */
const DEFAULT_BRANCHES = ['origin/HEAD', 'origin/main', 'origin/master', 'main', 'master', 'HEAD']

/**
 * Files whose text was changed or removed after the commit that added it, before any database had applied it: path to
 * SHA-256 of the text that counts, or 'removed'. Add to it only in that case.
 */
const ACCEPTED: Record<string, string> = {}

export type Entry = { tag: string; when: number }

export type Base = {
  /** As a message names it: `origin/main`. */
  name: string
  /** The newest commit of that branch. */
  tip: string
  /** The newest commit that it shares with HEAD. */
  commit: string
}

export type Present = {
  /** Path of the folder from the root of the repository: `drizzle`. */
  folder: string
  entries: readonly Entry[]
  /** The text of a file of the folder, or undefined. */
  read: (path: string) => string | undefined
}

/** Returns the base, or undefined where there is no git history. Throws UserFacingError where `ref` names none. */
export async function findBase(git: Git, ref: string | undefined): Promise<Base | undefined> {
  for (const name of ref === undefined ? DEFAULT_BRANCHES : [ref]) {
    const tip = await commitOf(git, name)
    const commit = tip && (await git('merge-base', tip, 'HEAD'))?.trim()
    if (tip && commit && !(await isOfTemplate(git, commit))) return { name, tip, commit }
  }
  if (ref === undefined) return undefined
  throw new UserFacingError(
    `--base ${ref}: this repository has no such commit that HEAD shares history with.`,
  )
}

/** Whether a commit belongs to the template that the service was made from. */
async function isOfTemplate(git: Git, commit: string): Promise<boolean> {
  if (!(await knowsTemplate(git))) return false
  return (await git('merge-base', '--is-ancestor', commit, TEMPLATE_COMMIT)) !== undefined
}

/** A service whose history begins anew does not have the commit. */
async function knowsTemplate(git: Git): Promise<boolean> {
  return TEMPLATE_COMMIT !== '' && (await commitOf(git, TEMPLATE_COMMIT)) !== undefined
}

/** Returns the commits of a base that are about this service, as git takes them. */
async function historyOf(git: Git, { commit }: Base): Promise<string> {
  return (await knowsTemplate(git)) ? `${TEMPLATE_COMMIT}..${commit}` : commit
}

/** What the base has: a folder of migrations as it is committed. */
export type Committed = {
  /** SQL files by path from the root of the checkout, and the git object of each. */
  files: ReadonlyMap<string, string>
  entries: readonly Entry[]
}

/** Returns what is committed at the base. */
export async function readCommitted(git: Git, { commit }: Base, folder: string): Promise<Committed> {
  const listed = await ask(git, 'ls-tree', '-z', commit, `${folder}/`)
  const files = listed.split('\0').flatMap(line => {
    const [, object = '', path = ''] = /^\d+ blob (\w+)\t(.+\.sql)$/.exec(line) ?? []
    return path === '' ? [] : [[path, object] as const]
  })
  return { files: new Map(files), entries: await journalAt(git, commit, folder) }
}

/** Returns what was changed of the base's migrations, and which new ones would come before the base's. */
export async function compareWithBase(
  git: Git,
  base: Base,
  { files, entries: committed }: Committed,
  present: Present,
): Promise<Problem[]> {
  const { folder, entries } = present
  const problems: Problem[] = []
  for (const [path, object] of files) {
    const problem = await changeOf(git, base, { path, object }, present)
    if (problem) problems.push(problem)
  }
  const atTip = base.tip === base.commit ? committed : await journalAt(git, base.tip, folder)
  const latest = Math.max(0, ...atTip.map(({ when }) => when))
  const known = new Set([...committed, ...atTip].map(({ tag }) => tag))
  const added = entries.filter(({ tag }) => !known.has(tag))
  return [
    ...problems,
    ...committed.flatMap(entry => changeOfEntry(entry, base, present) ?? []),
    ...added.filter(({ when }) => when <= latest).map(entry => tooEarly(entry, base, folder)),
  ]
}

/** Returns what the commits up to the base have changed or removed since the commit that added it. */
export async function compareWithHistory(
  git: Git,
  base: Base,
  { folder, read }: Present,
): Promise<Problem[]> {
  const log = await ask(
    git,
    'log',
    '--first-parent',
    '--diff-merges=first-parent',
    '--reverse',
    '--no-renames',
    '--relative',
    '--diff-filter=AMD',
    '--raw',
    '--no-abbrev',
    '--format=commit %H',
    await historyOf(git, base),
    '--',
    `${folder}/*.sql`,
  )
  const added = new Map<string, { blob: string; commit: string }>()
  const changed = new Map<string, string>()
  let commit = ''
  for (const line of log.split('\n')) {
    if (line.startsWith('commit ')) commit = shorten(line.slice('commit '.length))
    const [, blob = '', status, path = ''] = /^:\d+ \d+ \w+ (\w+) ([AMD])\t(.+)$/.exec(line) ?? []
    if (status === 'A' && !added.has(path)) added.set(path, { blob, commit })
    else if (status !== undefined) changed.set(path, commit)
  }
  const problems: Problem[] = []
  for (const [path, by] of changed) {
    const first = added.get(path)
    const text = read(path.slice(folder.length + 1))
    if (!first || isSame(await ask(git, 'cat-file', 'blob', first.blob), text)) continue
    if (ACCEPTED[path] === (text === undefined ? 'removed' : sha256(text))) continue
    problems.push(changedFile(path, text, { since: `commit ${first.commit}`, by: ` by commit ${by}` }))
  }
  return problems
}

/** Returns the entries whose time the commits up to the base have changed since the commit that added them. */
export async function compareJournalWithHistory(
  git: Git,
  base: Base,
  { folder, entries }: Present,
): Promise<Problem[]> {
  const place = `${folder}/meta/_journal.json`
  const line = ['--first-parent', '--diff-merges=first-parent', '--reverse', '--format=%H']
  const commits = await ask(git, 'log', ...line, await historyOf(git, base), '--', place)
  const first = new Map<string, { when: number; commit: string }>()
  for (const commit of commits.split('\n').filter(Boolean)) {
    for (const { tag, when } of await journalAt(git, commit, folder)) {
      if (!first.has(tag)) first.set(tag, { when, commit })
    }
  }
  return entries.flatMap(({ tag, when }) => {
    const added = first.get(tag)
    if (!added || added.when === when) return []
    return [
      {
        place,
        what: `The entry of ${tag} was given another time since commit ${shorten(added.commit)}. Databases that have applied it know it by its time, ${added.when}.`,
        remedy: `Set its \`when\` to ${added.when} again.`,
      },
    ]
  })
}

async function journalAt(git: Git, commit: string, folder: string): Promise<Entry[]> {
  const text = await git('show', `${commit}:./${folder}/meta/_journal.json`)
  try {
    return text === undefined ? [] : (JSON.parse(text) as { entries: Entry[] }).entries
  } catch {
    // A commit whose journal is no JSON: `npm run check` has refused it, or will.
    return []
  }
}

async function changeOf(
  git: Git,
  base: Base,
  { path, object }: { path: string; object: string },
  present: Present,
): Promise<Problem | undefined> {
  const text = present.read(path.slice(present.folder.length + 1))
  if (text !== undefined && objectOf(text) === object) return undefined
  const committed = await ask(git, 'cat-file', 'blob', object)
  if (isSame(committed, text)) return undefined
  const renamed = present.entries.find(({ tag }) => isSame(committed, present.read(`${tag}.sql`)))
  return changedFile(path, text, { since: describe(base), by: '', renamed: renamed?.tag })
}

/** How git names a text: equal names save asking it for the text. */
function objectOf(text: string): string {
  const bytes = Buffer.from(text.replaceAll('\r\n', '\n'))
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}

function changeOfEntry({ tag, when }: Entry, base: Base, { folder, entries }: Present): Problem | undefined {
  const now = entries.find(entry => entry.tag === tag)
  if (now?.when === when) return undefined
  return {
    place: `${folder}/meta/_journal.json`,
    what: `The entry of ${tag} was ${now ? 'given another time' : 'removed'} since ${describe(base)}. Databases that have applied it know it by its time, ${when}.`,
    remedy: `Restore it: \`git checkout ${shorten(base.commit)} -- ${folder}/meta/_journal.json\`, then add the entries of your own migrations again, or generate them anew.`,
  }
}

/** `by` names the commit where the change is committed on the base already. */
type Change = { since: string; by: string; renamed?: string | undefined }

function changedFile(path: string, text: string | undefined, { since, by, renamed }: Change): Problem {
  const verb = text !== undefined ? 'edited' : renamed === undefined ? 'removed' : `renamed to ${renamed}.sql`
  return {
    place: path,
    what: `It was ${verb}${by} since ${since}. Databases that have applied it would not get the change, and \`npm run db:migrate\` refuses to go on there.`,
    remedy: `Restore the file as it was, and make the change in a new migration: \`npm run db:generate\`.${
      by &&
      ' Where no database had applied the earlier text, name the file in ACCEPTED of checks/migrations/history.ts.'
    }`,
  }
}

function tooEarly({ tag }: Entry, base: Base, folder: string): Problem {
  return {
    place: `${folder}/${tag}.sql`,
    what: `It is new, but its time in ${folder}/meta/_journal.json is not after the newest migration of ${base.name}. Where that one is deployed, this one would come out of order.`,
    remedy: regenerate(folder, tag),
  }
}

/** Returns how to make a migration anew, after those that came in meanwhile. */
export function regenerate(folder: string, tag: string): string {
  const [prefix = tag, ...name] = tag.split('_')
  return [
    `Make ${tag} anew: remove ${folder}/${tag}.sql, ${folder}/meta/${prefix}_snapshot.json and its entry in ${folder}/meta/_journal.json;`,
    `take over the migrations of the other branch (merge or rebase); then \`npm run db:generate -- --name ${name.join('_')}\`.`,
    'SQL that you wrote by hand: keep a copy, and add it to the new file (`-- --custom --name …` makes an empty one).',
  ].join(' ')
}

function describe({ name, commit }: Base): string {
  return `${shorten(commit)} (${name})`
}

function shorten(commit: string): string {
  return commit.slice(0, 12)
}

/** Line ends are those of a checkout, and of no matter: the migrator counts them as LF. */
function isSame(committed: string, text: string | undefined): boolean {
  return committed.replaceAll('\r\n', '\n') === text?.replaceAll('\r\n', '\n')
}

function sha256(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
}
