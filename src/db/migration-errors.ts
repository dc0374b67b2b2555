/** The messages of a failed migration: its name, PostgreSQL's error, the place in the file, and what to do. */
import pg from 'pg'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { isDriverFailure } from './connection-failure.ts'
import { lineAt, type Migration, type Statement } from './migration-files.ts'

/** A session that others wait for, as pg_stat_activity shows it. */
export type Blocker = {
  pid: number
  application: string
  user: string
  state: string
  seconds: number | null
}

/** A migration failed. The message is for the person who runs the command. */
export class MigrationFailed extends UserFacingError {
  override readonly name = 'MigrationFailed'
}

/** A statement of a migration failed. */
export class StatementError extends Error {
  readonly statement: Statement
  readonly reason: unknown

  constructor(statement: Statement, reason: unknown) {
    super('a statement of a migration failed', { cause: reason })
    this.statement = statement
    this.reason = reason
  }
}

/** Returns the error of PostgreSQL or of the driver. */
export function reasonOf(error: unknown): unknown {
  return error instanceof StatementError ? error.reason : error
}

/** Returns `20261127_x failed at drizzle/20261127_x.sql, line 3: relation "orders" does not exist (42P01).` */
export function describeFailure(migration: Migration, { statement, reason }: StatementError): string {
  const line = lineOf(migration, statement, reason)
  return `${migration.tag} failed at ${migration.file}, line ${line}: ${describeError(reason)}`
}

/** Returns whether PostgreSQL reported the error, or the connection ended. Any other error is a fault of the program. */
export function isDatabaseError(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return true
  return (error as NodeJS.ErrnoException).syscall !== undefined || isDriverFailure(error)
}

/** Returns PostgreSQL's error as sentences: message, code, line of the function, hint, and detail without values of a row. */
export function describeError(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) {
    const { code, message } = error as NodeJS.ErrnoException
    return `the connection ended (${code ?? message}).`
  }
  const { code = '', hint } = error
  const detail = detailOf(error)
  // The other lines quote statements, and with them values.
  const [place] = /^PL\/\w+ function .*/m.exec(error.where ?? '') ?? []
  return [
    `${messageOf(error)} (${code}).`,
    ...(place ? [`In ${endSentence(place)}`] : []),
    ...(detail ? [`Detail: ${endSentence(detail)}`] : []),
    ...(hint ? [`Hint: ${endSentence(hint)}`] : []),
  ].join(' ')
}

/** Returns the message without values. Class 22, data exceptions, quotes the value of a row, which a log must not have. */
function messageOf({ code = '', message }: pg.DatabaseError): string {
  return oneLine(code.startsWith('22') ? message.replace(/".*"/s, '"…"') : message)
}

/** Class 23, integrity, names the rows that are in the way. */
function detailOf({ code = '', detail }: pg.DatabaseError): string | undefined {
  if (detail === undefined) return undefined
  return /^2[23]/.test(code) ? "left out, since it holds a row's values; the server's log has it" : detail
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}

function endSentence(text: string): string {
  return oneLine(text).replace(/[.\s]*$/, '.')
}

/** Returns the line of an error. PostgreSQL counts characters from 1; JavaScript counts those outside the basic plane twice. */
function lineOf(migration: Migration, { sql, offset }: Statement, error: unknown): number {
  const position = error instanceof pg.DatabaseError ? Number(error.position ?? 0) : 0
  const before = [...sql].slice(0, Math.max(position - 1, 0)).join('').length
  return lineAt(migration, offset + before)
}

/** Returns `pid 812 (psql, user app, idle in transaction for 14 s)` for each. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  return blockers.map(describeBlocker).join(', ')
}

function describeBlocker({ pid, application, user, state, seconds }: Blocker): string {
  const since = seconds === null ? '' : ` for ${Math.round(seconds)} s`
  const known = [application, user && `user ${user}`, state && `${state}${since}`].filter(Boolean)
  return `pid ${pid}${known.length > 0 ? ` (${known.join(', ')})` : ''}`
}

/** Returns a number of milliseconds for a person: `5 s`, `250 ms`. */
export function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 100) / 10} s`
}
