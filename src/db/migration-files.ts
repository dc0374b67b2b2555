/** Reads the migrations folder: the journal, the SQL files, their hashes and their markers. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserFacingError } from '../lib/user-facing-error.ts'

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** drizzle-kit writes this between two statements. */
const BREAKPOINT = '--> statement-breakpoint'

/** A comment for the migrator or for the checks: `-- migrate: no-transaction`, `-- migrate: allow <rule>: <reason>`. */
const MARKER = /^[ \t\uFEFF]*--[ \t]*migrate[ \t]*:[ \t]*(.*?)[ \t]*$/gim

const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//g

const NO_TRANSACTION = 'no-transaction'

export type Statement = {
  sql: string
  /** Where `sql` begins in the file, in characters. */
  offset: number
}

export type Migration = {
  tag: string
  /** Path for messages: `drizzle/20261120194749_create_users.sql`. */
  file: string
  /** Time of the journal's entry, in milliseconds since 1970: drizzle's `created_at`. */
  when: number
  /** SHA-256 of the file with LF line ends, in hex: what drizzle computes from such a checkout. */
  hash: string
  /** What drizzle computes from a checkout with CRLF line ends, or with those that the file has. */
  otherHashes: string[]
  /** The file's text with LF line ends. */
  sql: string
  statements: Statement[]
  /** False where `-- migrate: no-transaction` stands before the first statement. */
  transaction: boolean
}

type Entry = { tag: string; when: number }

/**
 * Returns the migrations in the order of the journal.
 * Throws UserFacingError with everything that is wrong with the folder: a journal that cannot be read, a file without an
 * entry or an entry without a file, a name or a time used twice, a marker that is unknown or in the wrong place.
 */
export function readMigrations(directory: string = MIGRATIONS_FOLDER): Migration[] {
  const folder = basename(directory)
  const entries = readJournal(directory)
  const problems = [...duplicates(entries, folder), ...strayFiles(directory, entries)]
  const migrations = entries.flatMap(entry => readMigration(directory, entry, problems) ?? [])
  if (problems.length > 0) {
    throw new UserFacingError(`The migrations in ${folder}/ cannot be used:\n  - ${problems.join('\n  - ')}`)
  }
  return migrations
}

/** Returns whether `hash`, from drizzle's table, is of this file, with the line ends of any checkout. */
export function hasHash({ hash, otherHashes }: Migration, applied: string): boolean {
  return applied === hash || otherHashes.includes(applied)
}

/** Returns the line of an offset in the file, from 1. */
export function lineAt({ sql }: Pick<Migration, 'sql'>, offset: number): number {
  return sql.slice(0, offset).split('\n').length
}

/** Returns the entries of the journal, in their order. Throws UserFacingError where it cannot be read. */
export function readJournal(directory: string): Entry[] {
  const path = `${basename(directory)}/meta/_journal.json`
  let text: string
  try {
    text = readFileSync(join(directory, 'meta/_journal.json'), 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UserFacingError(`${path} cannot be read (${code}).`, { cause })
  }
  const entries = parseEntries(text.replace(/^\uFEFF/, ''))
  if (entries) return entries
  throw new UserFacingError(
    /^[<>=]{7}/m.test(text)
      ? `${path} has merge conflict markers. Keep the entries of both sides, then run \`npm run check\`.`
      : `${path} is not a journal of drizzle-kit. Restore it from version control.`,
  )
}

function parseEntries(text: string): Entry[] | undefined {
  try {
    const { entries } = JSON.parse(text) as { entries: Entry[] }
    const isValid = entries.every(({ tag, when }) => isFileName(tag) && Number.isSafeInteger(when))
    return isValid ? entries : undefined
  } catch {
    return undefined
  }
}

function isFileName(tag: unknown): boolean {
  return typeof tag === 'string' && /^[^/\\\p{Cc}]+$/u.test(tag)
}

function duplicates(entries: readonly Entry[], folder: string): string[] {
  return entries.flatMap(({ tag, when }, index) => {
    const earlier = entries.slice(0, index).find(other => other.tag === tag || other.when === when)
    if (!earlier) return []
    if (earlier.tag === tag)
      return [`${tag} is twice in ${folder}/meta/_journal.json. Remove one of the entries.`]
    return [
      `${earlier.tag} and ${tag} have the same time in ${folder}/meta/_journal.json, which identifies them in the database. Generate the later one anew.`,
    ]
  })
}

/** Returns a problem for each file that the journal does not name: it would never be applied. */
function strayFiles(directory: string, entries: readonly Entry[]): string[] {
  const known = new Set(entries.map(({ tag }) => `${tag}.sql`))
  const folder = basename(directory)
  return readdirSync(directory)
    .filter(name => /\.sql$/i.test(name) && !known.has(name))
    .sort()
    .map(
      name =>
        `${folder}/${name} has no entry in ${folder}/meta/_journal.json. Restore the entry, or remove the file.`,
    )
}

function readMigration(directory: string, { tag, when }: Entry, problems: string[]): Migration | undefined {
  const path = join(directory, `${tag}.sql`)
  const file = `${basename(directory)}/${tag}.sql`
  if (!existsSync(path)) {
    problems.push(`${file} is in the journal but not in the folder. Restore the file.`)
    return undefined
  }
  const raw = readFileSync(path, 'utf8')
  const sql = raw.replaceAll('\r\n', '\n')
  const markers = markersIn(sql)
  // A marker inside a block comment may be commented out.
  const isOutside = markersIn(leadingComments(sql).replace(BLOCK_COMMENT, '')).includes(NO_TRANSACTION)
  problems.push(...markers.flatMap(marker => markerProblem(marker, isOutside, file) ?? []))
  return {
    tag,
    file,
    when,
    hash: sha256(sql),
    otherHashes: [sha256(sql.replaceAll('\n', '\r\n')), sha256(raw)],
    sql,
    statements: splitStatements(sql),
    transaction: !isOutside,
  }
}

function markersIn(text: string): string[] {
  return [...text.matchAll(MARKER)].map(([, marker = '']) => marker)
}

/** Returns the problem of a marker that would have no effect. */
function markerProblem(marker: string, isOutside: boolean, file: string): string | undefined {
  if (marker === NO_TRANSACTION) {
    return isOutside
      ? undefined
      : `${file}: \`-- migrate: ${marker}\` must come before the first statement, in a comment of its own.`
  }
  if (/^allow [\w-]+: *\S/.test(marker)) return undefined
  return `${file}: \`-- migrate: ${marker}\` is unknown. Known are \`${NO_TRANSACTION}\` and \`allow <rule>: <reason>\`.`
}

/** Returns the comments and blank space before the first statement. */
function leadingComments(sql: string): string {
  return /^(?:\s|\uFEFF|--[^\n\r]*|\/\*[\s\S]*?\*\/)*/.exec(sql)?.[0] ?? ''
}

/** Returns the parts between drizzle's breakpoints that are more than comments. */
function splitStatements(sql: string): Statement[] {
  let offset = 0
  return sql.split(BREAKPOINT).flatMap(part => {
    const start = offset
    offset += part.length + BREAKPOINT.length
    const comments = leadingComments(part)
    return comments.length === part.length ? [] : [{ sql: part.replace('\uFEFF', ''), offset: start }]
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
