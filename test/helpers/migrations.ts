/** Folders of migrations as drizzle-kit writes them, and databases to apply them to. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { type MigrateOptions, migrate, readStatus } from '../../src/db/migrate.ts'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { emptyDatabaseOfTest, type TestDatabase } from './database.ts'

export type TestMigration = { tag: string; when: number; sql: string }

/** Writes a folder `drizzle` with these migrations, in this order, and returns its path. Removed when the test ends. */
export async function migrationsFolder(migrations: readonly TestMigration[]): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-migrations-`))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const directory = join(parent, 'drizzle')
  await writeMigrations(directory, migrations)
  return directory
}

/** Replaces the contents of the folder. */
export async function writeMigrations(directory: string, migrations: readonly TestMigration[]) {
  await rm(directory, { recursive: true, force: true })
  await mkdir(join(directory, 'meta'), { recursive: true })
  const entries = migrations.map(({ tag, when }, idx) => ({
    idx,
    version: '7',
    when,
    tag,
    breakpoints: true,
  }))
  const journal = { version: '7', dialect: 'postgresql', entries }
  await writeFile(join(directory, 'meta/_journal.json'), JSON.stringify(journal, null, 2))
  for (const { tag, sql } of migrations) await writeFile(join(directory, `${tag}.sql`), sql)
}

export const A = { tag: '20260101000000_a', when: 1_767_225_600_000, sql: 'create table a (id int);' }
export const B = { tag: '20260102000000_b', when: 1_767_312_000_000, sql: 'create table b (id int);' }
export const C = { tag: '20260103000000_c', when: 1_767_398_400_000, sql: 'create table c (id int);' }

/** Creates an empty database and a folder with these migrations for a test, and returns functions to use them. */
export async function setUp(...first: TestMigration[]) {
  const database = await emptyDatabaseOfTest()
  const directory = await migrationsFolder(first)
  const lines: string[] = []
  const options = { directory, lockTimeout: 200, onProgress: (line: string) => void lines.push(line) }
  return {
    database,
    directory,
    lines,
    apply: (more: MigrateOptions = {}) => migrate(database.url, { ...options, ...more }),
    /** Replaces the migrations of the folder. */
    have: (...migrations: TestMigration[]) => writeMigrations(directory, migrations),
    states: async () =>
      (await readStatus(database.url, directory)).entries.map(
        ({ migration, state }) => `${migration.tag.slice(-1)} ${state}`,
      ),
  }
}

/** Returns the names of the tables and indexes. */
export async function tablesOf({ query }: TestDatabase): Promise<string[]> {
  const { rows } = await query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace order by 1`,
  )
  return rows.map(({ relname }) => relname)
}

/** Returns the rows of drizzle's table, in the order in which they were applied. */
export async function rowsOf({ query }: TestDatabase) {
  const { rows } = await query(
    'select created_at::text as when, hash, name from drizzle.__drizzle_migrations order by id',
  )
  return rows
}

/** Returns the message of the user-facing error that `work` rejects with. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('it did not reject'),
    reason => reason,
  )
  expect(error).toBeInstanceOf(UserFacingError)
  return (error as Error).message
}
