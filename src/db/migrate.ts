/** Applies the migrations under drizzle/, one instance at a time. */
import type pg from 'pg'
import { PlainError } from '../plain-error.ts'
import { type Applying, applyMigration, type Task, toTask } from './migration-apply.ts'
import { describeError, isDatabaseError } from './migration-errors.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { type Allowances, compareMigrations, migrationsToApply, nameOf, type Plan } from './migration-plan.ts'
import {
  configureSession,
  connect,
  endTurn,
  type Progress,
  readSession,
  waitForTurn,
} from './migration-session.ts'
import { nameRows, readApplied, readProgress, recordAppliedSql, tableChanges } from './migration-table.ts'

/** Longest wait for a lock, in milliseconds, unless the caller sets another: the default of MIGRATION_LOCK_TIMEOUT. */
const LOCK_TIMEOUT_MS = 5000

export type MigrateOptions = Allowances & {
  /** The migrations folder; drizzle/ unless given. */
  directory?: string
  lockTimeout?: number
  /** Hears a line about each migration, and about each wait. */
  onProgress?: Progress
}

/**
 * Applies what is not yet applied, in the order of the journal, and returns the names. Each migration is applied
 * whole, with its record, or not at all, save those that are marked to run outside a transaction. Instances that
 * start at once wait for each other. Throws PlainError: where the folder or the database is not usable,
 * MigrationsDiffer where the two are not the same history, MigrationFailed where a migration fails.
 */
export async function migrate(connectionString: string, options: MigrateOptions = {}): Promise<string[]> {
  const { lockTimeout = LOCK_TIMEOUT_MS, onProgress = () => {} } = options
  const migrations = readMigrations(options.directory)
  return withClient(connectionString, async client => {
    const { pid, path } = await readSession(client)
    await waitForTurn(client, onProgress)
    try {
      const plan = await readPlan(client, migrations)
      const tasks = migrationsToApply(plan, options).map(migration => toTask(migration, plan.progress))
      for (const row of plan.unknown) onProgress(`${nameOf(row)} is of a newer version of the service.`)
      const applying = {
        client,
        pid,
        connectionString,
        searchPath: path,
        lockTimeout,
        progress: plan.progress,
        onProgress,
      }
      await prepareTable(applying, plan)
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

/** Makes the table, or completes one that drizzle-orm has made. */
async function prepareTable({ client, ...settings }: Applying, plan: Plan): Promise<void> {
  await client.query('begin')
  await configureSession(client, settings, 'transaction')
  for (const statement of await tableChanges(client)) await client.query(statement)
  await nameRows(client, namesOf(plan))
  await client.query('commit')
}

/** How the database stands against the migrations of this version. Changes nothing. Throws PlainError. */
export async function readStatus(connectionString: string, directory?: string): Promise<Plan> {
  const migrations = readMigrations(directory)
  return withClient(connectionString, async client => {
    await readSession(client)
    return readPlan(client, migrations)
  })
}

/** The SQL that `migrate` would run, as a script, and how many migrations it has. Changes nothing. Throws as `migrate` does. */
export async function dryRun(
  connectionString: string,
  options: Omit<MigrateOptions, 'lockTimeout' | 'onProgress'> = {},
): Promise<{ sql: string; count: number }> {
  const migrations = readMigrations(options.directory)
  return withClient(connectionString, async client => {
    const { path } = await readSession(client)
    const plan = await readPlan(client, migrations)
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

/** On a line of its own where the statement may end in a comment. */
function endStatement(sql: string): string {
  const text = sql.trim()
  return text.endsWith(';') ? text : `${text}\n;`
}

async function readPlan(client: pg.Client, migrations: readonly Migration[]): Promise<Plan> {
  return compareMigrations(migrations, await readApplied(client), await readProgress(client))
}

function namesOf({ entries }: Plan): Map<number, string> {
  return new Map(entries.flatMap(({ row, migration: { tag } }) => (row ? [[row.id, tag] as const] : [])))
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(connectionString)
  try {
    return await work(client)
  } catch (cause) {
    if (cause instanceof PlainError || !isDatabaseError(cause)) throw cause
    throw new PlainError(`The table of applied migrations cannot be used: ${describeError(cause)}`, {
      cause,
    })
  } finally {
    await client.end()
  }
}
