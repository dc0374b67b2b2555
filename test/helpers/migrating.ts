/** A database and a folder of migrations for one test, and what can be asked of them. */
import { expect } from 'vitest'
import { type MigrateOptions, migrate, readStatus } from '../../src/db/migrate.ts'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { emptyDatabaseOfTest, type TestDatabase } from './database.ts'
import { migrationsFolder, type TestMigration, writeMigrations } from './migrations.ts'

export const A = { tag: '20260101000000_a', when: 1_767_225_600_000, sql: 'create table a (id int);' }
export const B = { tag: '20260102000000_b', when: 1_767_312_000_000, sql: 'create table b (id int);' }
export const C = { tag: '20260103000000_c', when: 1_767_398_400_000, sql: 'create table c (id int);' }

/** A database and a folder, both of the test. */
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
    /** Replaces the migrations. */
    have: (...migrations: TestMigration[]) => writeMigrations(directory, migrations),
    states: async () =>
      (await readStatus(database.url, directory)).entries.map(
        ({ migration, state }) => `${migration.tag.slice(-1)} ${state}`,
      ),
  }
}

/** The names of the tables and indexes. */
export async function tablesOf({ query }: TestDatabase): Promise<string[]> {
  const { rows } = await query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace order by 1`,
  )
  return rows.map(({ relname }) => relname)
}

/** The rows of drizzle's table, in the order in which they were applied. */
export async function rowsOf({ query }: TestDatabase) {
  const { rows } = await query(
    'select created_at::text as when, hash, name from drizzle.__drizzle_migrations order by id',
  )
  return rows
}

/** The message of a refusal, which is for a person: a plain error of one line. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('nothing was refused'),
    reason => reason,
  )
  expect(error).toBeInstanceOf(UserFacingError)
  return (error as Error).message
}
