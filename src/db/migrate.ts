/** Applies the migrations under drizzle/, one instance at a time. */
import type pg from 'pg'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { LocksUnavailable, withRetries } from './lock-retries.ts'
import { type Applying, applyMigration } from './migration-apply.ts'
import { describeError, isDatabaseError } from './migration-errors.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { type Allowances, compareMigrations, migrationsToApply, nameOf, type Plan } from './migration-plan.ts'
import {
  configureSession,
  connect,
  endTurn,
  type Progress,
  readSession,
  resetSession,
  type SessionSettings,
  waitForTurn,
} from './migration-session.ts'
import { nameRows, readApplied, readProgress, recordAppliedSql, tableChanges } from './migration-table.ts'
import { type Task, toTask } from './migration-task.ts'

/** The name of drizzle's table in messages. */
const TABLE = 'The table of applied migrations'

const LOCK_NOT_AVAILABLE = '55P03'
const INSUFFICIENT_PRIVILEGE = '42501'
const READ_ONLY = '25006'

/** Longest wait for a lock, in milliseconds, unless the caller sets another: the default of MIGRATION_LOCK_TIMEOUT. */
const LOCK_TIMEOUT_MS = 5000

export type MigrateOptions = Allowances & {
  /** The migrations folder; drizzle/ unless given. */
  directory?: string
  lockTimeout?: number
  /** Receives a line about each migration, and about each wait. */
  onProgress?: Progress
}

/**
 * Applies the migrations that are not applied yet, in the order of the journal, and returns their names. Each one is applied
 * completely, together with its record, or not at all, except those that are marked to run outside a transaction. Instances
 * that start at the same time wait for each other. Throws UserFacingError where the folder or the database cannot be used,
 * MigrationsDiffer where their histories differ, MigrationFailed where a migration fails.
 */
export async function migrate(connectionString: string, options: MigrateOptions = {}): Promise<string[]> {
  const { lockTimeout = LOCK_TIMEOUT_MS, onProgress = () => {} } = options
  const migrations = readMigrations(options.directory)
  return withClient(connectionString, async client => {
    const { pid, path: searchPath } = await readSession(client)
    await waitForTurn(client, onProgress)
    try {
      const retrying = { client, pid, connectionString, lockTimeout, onProgress }
      const settings = { searchPath, lockTimeout }
      const plan = await withRetries(TABLE, () => readPlan(client, migrations, settings), retrying)
      const tasks = migrationsToApply(plan, options).map(migration => toTask(migration, plan.progress))
      for (const row of plan.unknown) onProgress(`${nameOf(row)} is of a newer version of the service.`)
      const applying = { ...retrying, searchPath, progress: plan.progress }
      await withRetries(TABLE, () => prepareTable(applying, plan), retrying)
      return await applyAll(tasks, applying)
    } finally {
      await endTurn(client)
    }
  })
}

async function applyAll(tasks: readonly Task[], applying: Applying): Promise<string[]> {
  const applied: string[] = []
  for (const task of tasks) {
    const isOurs = await applyMigration(task, applying).catch(error => {
      if (applied.length > 0) applying.onProgress(`Applied before the failure: ${applied.join(', ')}.`)
      throw error
    })
    if (isOurs) applied.push(task.migration.tag)
  }
  return applied
}

/** Creates the table, or completes one that drizzle-orm created. */
async function prepareTable({ client, ...settings }: Applying, plan: Plan): Promise<void> {
  await client.query('begin')
  try {
    await configureSession(client, settings, 'transaction')
    for (const statement of await tableChanges(client)) await client.query(statement)
    await nameRows(client, namesOf(plan))
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {
      // The connection is closed. The first error is the one to report.
    })
    throw error
  }
}

/** Returns how the database compares with the migrations of this version. Changes nothing. Throws UserFacingError. */
export async function readStatus(connectionString: string, directory?: string): Promise<Plan> {
  const migrations = readMigrations(directory)
  return withClient(connectionString, async client => {
    const { path: searchPath } = await readSession(client)
    return readPlan(client, migrations, { searchPath, lockTimeout: LOCK_TIMEOUT_MS })
  })
}

/** Returns the SQL that `migrate` would run, and how many migrations it has. Changes nothing. Throws as `migrate` does. */
export async function dryRun(
  connectionString: string,
  options: Omit<MigrateOptions, 'lockTimeout' | 'onProgress'> = {},
): Promise<{ sql: string; count: number }> {
  const migrations = readMigrations(options.directory)
  return withClient(connectionString, async client => {
    const { path } = await readSession(client)
    const plan = await readPlan(client, migrations, { searchPath: path, lockTimeout: LOCK_TIMEOUT_MS })
    const tasks = migrationsToApply(plan, options).map(migration => toTask(migration, plan.progress))
    const changes = await tableChanges(client)
    const preamble = [`set search_path = ${path}`, ...changes].map(statement => `${statement};\n`).join('')
    const sql = tasks.length === 0 ? '' : `${preamble}${tasks.map(script).join('')}`
    return { sql, count: tasks.length }
  })
}

function script({ migration, commands }: Task): string {
  const { file, transaction } = migration
  const body = [...commands.map(({ sql }) => endStatement(sql)), `${recordAppliedSql(migration)};`].join('\n')
  return transaction ? `\n-- ${file}\nbegin;\n${body}\ncommit;\n` : `\n-- ${file}\n${body}\n`
}

/** Adds a semicolon, on a line of its own where the statement may end in a comment. */
function endStatement(sql: string): string {
  const text = sql.trim()
  return text.endsWith(';') ? text : `${text}\n;`
}

/** Reads the state of the database. Waits for a lock as long as `settings` allow, and not for ever. */
async function readPlan(
  client: pg.Client,
  migrations: readonly Migration[],
  settings: SessionSettings,
): Promise<Plan> {
  await configureSession(client, settings, 'session')
  const plan = compareMigrations(migrations, await readApplied(client), await readProgress(client))
  // A pooler may use the connection for others.
  await resetSession(client)
  return plan
}

function namesOf({ entries }: Plan): Map<number, string> {
  return new Map(entries.flatMap(({ row, migration: { tag } }) => (row ? [[row.id, tag] as const] : [])))
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(connectionString)
  try {
    return await work(client)
  } catch (cause) {
    const { cause: reason, blockers } = cause instanceof LocksUnavailable ? cause : { cause, blockers: '' }
    if (reason instanceof UserFacingError || !isDatabaseError(reason)) throw reason
    const remedy = remedyFor(reason, blockers)
    throw new UserFacingError(`${TABLE} cannot be used: ${describeError(reason)}${remedy}`, {
      cause,
    })
  } finally {
    await client.end()
  }
}

/** Returns what to do about a table that cannot be read or written; '' where only PostgreSQL's message is known. */
function remedyFor(error: unknown, blockers: string): string {
  const { code } = error as pg.DatabaseError
  if (code === LOCK_NOT_AVAILABLE) {
    return `${blockers && ` The lock was held by ${blockers}.`} Run the command again when the transaction that holds the lock has ended.`
  }
  if (code === INSUFFICIENT_PRIVILEGE) {
    return ' Use a role that owns the database, or grant this one `create` on it; where another role has made the schema drizzle, `usage` and `create` on that schema, and the ownership of its tables.'
  }
  if (code === READ_ONLY) return ' Use an address that leads to the primary, and a role that may write.'
  return ''
}
