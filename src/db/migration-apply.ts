/** Applies one migration: in a transaction with its record, or one statement at a time where it is marked so. */
import pg from 'pg'
import { describeInvalid, invalidAfter, invalidIndexes } from './invalid-indexes.ts'
import { ATTEMPTS, LocksUnavailable, type Retrying, withRetries } from './lock-retries.ts'
import {
  describeError,
  describeFailure,
  isDatabaseError,
  MigrationFailed,
  reasonOf,
  StatementError,
} from './migration-errors.ts'
import { lineAt, type Migration } from './migration-files.ts'
import type { ProgressRow } from './migration-plan.ts'
import { configureSession, resetSession } from './migration-session.ts'
import {
  clearProgress,
  forgetBegun,
  isAppliedByOther,
  recordApplied,
  recordProgress,
} from './migration-table.ts'
import { type Command, count, isProcedural, runsInTransaction, sha256, type Task } from './migration-task.ts'

/** SQLSTATE of a table or index, a column, a function and any other object that exists already. */
const ALREADY_THERE = ['42P07', '42701', '42723', '42710']

/** SQLSTATE of an index that does not exist, and of other objects that are no table, column or function. */
const UNDEFINED_OBJECT = '42704'

export type Applying = Retrying & { searchPath: string; progress: readonly ProgressRow[] }

/**
 * Applies a migration, records it, and returns whether it did: another instance may have been faster. Throws
 * MigrationFailed, whose message says what the database keeps: nothing where the migration runs in a transaction.
 */
export async function applyMigration(task: Task, applying: Applying): Promise<boolean> {
  await resetSession(applying.client)
  if (task.migration.transaction) return applyInTransaction(task, applying)
  await applyOutside(task, applying)
  return true
}

function isBegun({ when }: Migration, progress: readonly ProgressRow[]): boolean {
  return progress.some(({ createdAt }) => createdAt === when)
}

async function applyInTransaction({ migration, commands }: Task, applying: Applying): Promise<boolean> {
  const { client } = applying
  let isCommitting = false
  const attempt = async () => {
    isCommitting = false
    await client.query('begin')
    try {
      await configureSession(client, applying, 'transaction')
      if (await isAppliedByOther(client, migration)) {
        await client.query('rollback')
        return false
      }
      for (const command of commands) await run(client, command)
      await client.query('reset session authorization; reset role')
      await recordApplied(client, migration)
      if (isBegun(migration, applying.progress)) await clearProgress(client, migration)
      isCommitting = true
      await client.query('commit')
      return true
    } catch (error) {
      await client.query('rollback').catch(() => {
        // The connection is closed, and PostgreSQL rolls back by itself. The first error is the one to report.
      })
      throw error
    }
  }
  return withRetries(migration.tag, attempt, applying).catch(error => {
    const isUnknown = isCommitting && !(error instanceof pg.DatabaseError)
    throw failure(
      migration,
      error,
      isUnknown ? 'Whether it was applied is not known.' : 'Nothing of it was applied.',
    )
  })
}

/**
 * Runs statement after statement, and records each when it is complete. Where a run ends in the middle, the next one
 * continues it.
 */
async function applyOutside(
  { migration, commands, done, settings }: Task,
  applying: Applying,
): Promise<void> {
  const { client, onProgress } = applying
  if (done > 0) onProgress(`Continuing ${migration.tag} after ${count(done)} that an earlier run completed.`)
  await recordProgress(client, migration, 0, migration.hash)
  let completed = done
  const invalidBefore = new Set(await invalidIndexes(client))
  try {
    for (const command of settings) await run(client, command)
    for (const command of commands) {
      await complete(migration, command, completed + 1, invalidBefore, applying)
      completed += 1
    }
    await client.query('begin')
    await recordApplied(client, migration)
    await clearProgress(client, migration)
    await client.query('commit')
  } catch (error) {
    const left = await leftBehind(migration, commands[completed - done], completed, invalidBefore, client)
    throw failure(migration, error, `${left}${doubtOf(error, isBegun(migration, applying.progress))}`)
  }
}

/** Returns a warning where a killed run may have completed the statement: it could not record it in the same transaction. */
function doubtOf(error: unknown, isContinued: boolean): string {
  const reason = reasonOf(error)
  const code = reason instanceof pg.DatabaseError ? reason.code : undefined
  if (!isContinued || code === undefined) return ''
  if (ALREADY_THERE.includes(code)) {
    return ' An earlier run was cut short: it may have made this just before. If so, drop it, and it is made again.'
  }
  return code === UNDEFINED_OBJECT
    ? ' An earlier run was cut short: it may have dropped this just before. If so, write `if exists`.'
    : ''
}

/**
 * Runs a statement and records it: in one transaction where PostgreSQL allows it. When a migrator is killed, the server
 * continues its statement, and would otherwise complete it without the record.
 */
async function complete(
  migration: Migration,
  command: Command,
  position: number,
  invalidBefore: ReadonlySet<string>,
  applying: Applying,
): Promise<void> {
  const { client, lockTimeout } = applying
  const [isTogether, isCode] = [runsInTransaction(command), isProcedural(command)]
  // A concurrent command waits without blocking others, and leaves an invalid index where it is cancelled.
  const isConcurrent = command.words.includes('concurrently')
  await configureSession(client, { ...applying, lockTimeout: isConcurrent ? 0 : lockTimeout }, 'session')
  if (isCode) await recordProgress(client, migration, -position, sha256(command))
  const attempt = async () => {
    if (isTogether) await client.query('begin')
    await run(client, command)
    await refuseInvalidIndexes(migration, command, invalidBefore, client)
    await recordProgress(client, migration, position, sha256(command))
    if (isTogether) await client.query('commit')
  }
  const undoing = () =>
    attempt().catch(async error => {
      await client.query('rollback').catch(() => {
        // The connection is closed. The first error is the one to report.
      })
      throw error
    })
  // A procedure may have committed a part: a person has to decide whether it runs again.
  await withRetries(migration.tag, undoing, applying, isConcurrent || isCode ? 1 : ATTEMPTS)
}

async function run(client: pg.Client, command: Command): Promise<void> {
  await client.query(command.sql).catch(error => {
    throw new StatementError(command, error)
  })
}

function failure(migration: Migration, error: unknown, left: string): unknown {
  if (!(error instanceof LocksUnavailable) && !isDatabaseError(reasonOf(error))) return error
  if (error instanceof LocksUnavailable) {
    const first = failureLine(migration, error.cause)
    const who = error.blockers
      ? `The lock was held by ${error.blockers}.`
      : 'It is not known who held the lock.'
    return new MigrationFailed(
      `${first} It was tried ${error.attempts} times. ${who} ${left} End that transaction, or run \`npm run db:migrate\` again when it has ended; MIGRATION_LOCK_TIMEOUT is the longest wait.`,
      { cause: error },
    )
  }
  return new MigrationFailed(`${failureLine(migration, error)} ${left} ${nextStep(error)}`, { cause: error })
}

function failureLine(migration: Migration, error: unknown): string {
  if (error instanceof StatementError) return describeFailure(migration, error)
  return `${migration.tag} failed: ${describeError(error)}`
}

function nextStep(error: unknown): string {
  const reason = reasonOf(error)
  return reason instanceof pg.DatabaseError && !/^(08|57)/.test(reason.code ?? '')
    ? 'Correct it and run `npm run db:migrate` again.'
    : 'Run `npm run db:migrate` again.'
}

/** Throws where a statement left an invalid index: `if not exists` skips it, and it would be recorded as created. */
async function refuseInvalidIndexes(
  migration: Migration,
  command: Command,
  before: ReadonlySet<string>,
  client: pg.Client,
): Promise<void> {
  const found = await invalidAfter(client, before, command)
  if (found.length === 0) return
  const { file, tag } = migration
  throw new MigrationFailed(
    `${tag} was not completed: after ${file}, line ${lineAt(migration, command.offset)}, ${describeInvalid(found)} Then run \`npm run db:migrate\` again: it continues there.`,
  )
}

/** Returns what the database keeps of a failed migration outside a transaction. */
async function leftBehind(
  migration: Migration,
  failed: Command | undefined,
  completed: number,
  before: ReadonlySet<string>,
  client: pg.Client,
): Promise<string> {
  const kept =
    completed === 0
      ? 'No statement of it was completed.'
      : `The database keeps the ${count(completed)} before it; the next run continues after ${completed === 1 ? 'it' : 'them'}.`
  try {
    await client.query('rollback')
    const invalid = await invalidAfter(client, before, failed)
    if (completed === 0 && invalid.length === 0) await clearProgress(client, migration)
    else await forgetBegun(client, migration)
    return invalid.length === 0 ? kept : `${kept} It has left something: ${describeInvalid(invalid)}`
  } catch {
    // The connection is closed.
    return `${kept} Whether the statement itself took effect is not known: the connection ended.`
  }
}
