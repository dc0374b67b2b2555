/** Folders of migrations for tests, as drizzle-kit writes them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'

export type TestMigration = { tag: string; when: number; sql: string }

/** Writes a folder `drizzle` with these migrations, in this order, and returns its path. Removed when the test ends. */
export async function migrationsFolder(migrations: readonly TestMigration[]): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-migrations-`))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const directory = join(parent, 'drizzle')
  await writeMigrations(directory, migrations)
  return directory
}

/** Replaces what is in the folder. */
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
