/** Runs the migration check of `npm run check` on migrations, and writes folders with snapshots for it. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findUnsafe } from '../../checks/migrations/unsafe.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { readMigrations } from '../../src/db/migration-files.ts'
import { type TestMigration, writeMigrations } from './migrations.ts'

const START = Date.UTC(2026, 10, 20)

/** The predecessor of the first snapshot, as drizzle-kit writes it. */
const ORIGIN = '00000000-0000-0000-0000-000000000000'

/** A migration of a minute, which gives its time and its number. */
export function migrationOf(minute: number, name: string, sql = 'select 1'): TestMigration {
  const when = START + minute * 60_000
  const number = new Date(when).toISOString().replaceAll(/\D/g, '').slice(0, 14)
  return { tag: `${number}_${name}`, when, sql }
}

/** Returns what is unsafe in migrations that follow each other. */
export async function unsafeIn(...files: string[]) {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-unsafe-`))
  try {
    await writeMigrations(
      folder,
      files.map((sql, index) => migrationOf(index, `step_${index}`, sql)),
    )
    return await findUnsafe(readMigrations(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Returns the rules that the last of the migrations breaks. */
export async function rulesOf(...files: string[]): Promise<(string | undefined)[]> {
  const last = `_step_${files.length - 1}.sql`
  return (await unsafeIn(...files)).filter(({ place }) => place.includes(last)).map(({ rule }) => rule)
}

/** Writes the migrations, each with a snapshot that follows the one before, and returns the ids of these. */
export async function writeWithSnapshots(
  directory: string,
  migrations: readonly TestMigration[],
): Promise<string[]> {
  await writeMigrations(directory, migrations)
  const ids: string[] = []
  for (const migration of migrations) ids.push(await writeSnapshot(directory, migration, ids.at(-1)))
  return ids
}

/** Writes the snapshot of a migration, and returns its id. */
export async function writeSnapshot(
  directory: string,
  { tag }: TestMigration,
  prevId = ORIGIN,
): Promise<string> {
  const id = randomUUID()
  const snapshot = { id, prevId, version: '7', dialect: 'postgresql', tables: {} }
  await writeFile(snapshotPath(directory, tag), JSON.stringify(snapshot))
  return id
}

export function snapshotPath(directory: string, tag: string): string {
  return join(directory, 'meta', `${tag.split('_')[0]}_snapshot.json`)
}

/** Changes the entries of the journal. */
export async function editJournal(
  directory: string,
  change: (entries: { idx: number; when: number; tag: string }[]) => unknown,
): Promise<void> {
  const path = join(directory, 'meta/_journal.json')
  const journal = JSON.parse(await readFile(path, 'utf8'))
  change(journal.entries)
  await writeFile(path, JSON.stringify(journal, null, 2))
}
