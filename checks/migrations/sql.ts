/** Takes a migration apart with PostgreSQL's own parser: its statements, and the allowances in its comments. */
import { hasSqlDetails, type Node, parseSync, type ScanToken, scanSync } from 'libpg-query'
import { lineAt, type Migration } from '../../src/db/migration-files.ts'
import type { Problem } from './problem.ts'

/** `node` is an object with one key, the kind of the statement. */
export type Statement = {
  node: Node
  text: string
  /** Where it begins in the file, in characters. */
  start: number
  end: number
  /** Whether it is sent to the server alone. Several at once run as one transaction. */
  isAlone: boolean
}

export type Allowance = { rule: string; start: number; end: number }

/** Says where PostgreSQL cannot parse a migration. */
export class SyntaxProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.what)
    this.problem = problem
  }
}

const ALLOW = /^--[ \t]*migrate[ \t]*:[ \t]*allow ([\w-]+):[ \t]*\S/i

/** Returns the statements in their order. Throws SyntaxProblem where PostgreSQL cannot parse one. */
export function statementsOf(migration: Migration): Statement[] {
  refuseOtherEncodings(migration)
  return migration.statements.flatMap(({ sql, offset }) => {
    const bytes = Buffer.from(sql)
    const parsed = parse(migration, sql, offset)
    return parsed.map(({ stmt, stmt_location: at = 0, stmt_len: length }) => {
      // The parser counts bytes, and gives no length where a statement goes on to the end.
      const before = bytes.subarray(0, at).toString()
      const text = bytes
        .subarray(at, length === undefined ? undefined : at + length)
        .toString()
        .trimEnd()
      const start = offset + before.length
      return { node: stmt as Node, text, start, end: start + text.length, isAlone: parsed.length === 1 }
    })
  })
}

/** What is not UTF-8 is read as U+FFFD, and would be written so to the database. Throws SyntaxProblem. */
function refuseOtherEncodings(migration: Migration): void {
  const at = migration.sql.indexOf('\uFFFD')
  // PowerShell writes UTF-16: its NUL characters are named below.
  if (at === -1 || migration.sql.includes('\0')) return
  throw new SyntaxProblem({
    place: `${migration.file}:${lineAt(migration, at)}`,
    what: 'It has a character that is not UTF-8.',
    remedy: 'Save the file as UTF-8.',
  })
}

function parse(migration: Migration, sql: string, offset: number) {
  const refuse = (message: string, position: number) =>
    new SyntaxProblem({
      place: `${migration.file}:${lineAt(migration, offset + position)}`,
      what: `PostgreSQL cannot parse it: ${message}.`,
      remedy: 'Mend the statement. `--> statement-breakpoint` goes between statements, never into one.',
    })
  // The parser would take it for the end of the text.
  const nul = sql.indexOf('\0')
  if (nul !== -1) throw refuse('it has a NUL character, as a file in UTF-16 does', nul)
  const bare = withoutComments(sql)
  try {
    return parseSync(bare).stmts?.filter(({ stmt }) => stmt !== undefined) ?? []
  } catch (error) {
    if (!(error instanceof Error) || !hasSqlDetails(error)) throw error
    const before = Buffer.byteLength(bare.slice(0, error.sqlDetails?.cursorPosition))
    throw refuse(error.message, Buffer.from(sql).subarray(0, before).toString().length)
  }
}

/**
 * Returns the text with spaces for its comments, so that every place stays the same: the parser, unlike PostgreSQL,
 * takes none within `not in`, `nulls first` and others that look one word ahead.
 */
function withoutComments(sql: string): string {
  const bytes = Buffer.from(sql)
  for (const { tokenName, start, end } of scan(sql)) {
    if (tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT') bytes.fill(' ', start, end)
  }
  return bytes.toString()
}

/** Returns the tokens; none where a string or comment has no end, which the parser then refuses with its place. */
function scan(sql: string): ScanToken[] {
  try {
    return sql === '' ? [] : scanSync(sql).tokens
  } catch (error) {
    // The package then takes PostgreSQL's message for its JSON.
    if (error instanceof SyntaxError) return []
    throw error
  }
}

/** Returns the allowances in the comments: `-- migrate: allow <rule>: <reason>`. A string that looks like one is none. */
export function allowancesOf({ sql }: Migration): Allowance[] {
  const bytes = Buffer.from(sql)
  return scan(sql).flatMap(({ tokenName, start, end }) => {
    if (tokenName !== 'SQL_COMMENT') return []
    const [, rule] = ALLOW.exec(bytes.subarray(start, end).toString()) ?? []
    if (rule === undefined) return []
    const inCharacters = (at: number) => bytes.subarray(0, at).toString().length
    return [{ rule, start: inCharacters(start), end: inCharacters(end) }]
  })
}

/** Returns every node of a kind within a tree: `find(statement, 'FuncCall')`. */
export function find<K extends KeysOf<Node>>(tree: unknown, kind: K): Extract<Node, Record<K, unknown>>[K][] {
  if (Array.isArray(tree)) return tree.flatMap(branch => find(branch, kind))
  if (typeof tree !== 'object' || tree === null) return []
  return Object.entries(tree).flatMap(([key, value]) => [
    ...(key === kind ? [value] : []),
    ...find(value, kind),
  ])
}

type KeysOf<Union> = Union extends unknown ? keyof Union : never

/** Returns the body of a node where it is of the kind. */
export function as<K extends KeysOf<Node>>(
  node: Node | undefined,
  kind: K,
): Extract<Node, Record<K, unknown>>[K] | undefined {
  return node !== undefined && kind in node ? (node as unknown as Record<K, never>)[kind] : undefined
}

/** Returns the last part of a name: `now` of `pg_catalog.now`. */
export function lastName(names: readonly Node[] | undefined): string {
  return as(names?.at(-1), 'String')?.sval ?? ''
}
