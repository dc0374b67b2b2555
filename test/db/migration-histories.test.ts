/** Generated histories (P29): the database becomes the same as a fresh one, or the migration is refused by name. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { migrate } from '../../src/db/migrate.ts'
import { UserFacingError } from '../../src/lib/user-facing-error.ts'
import { createEmptyDatabase, type TestDatabase } from '../helpers/database.ts'
import {
  folderOf,
  type History,
  histories,
  MARK,
  refusedTags,
  withKill,
} from '../helpers/migration-histories.ts'
import { type TestMigration, writeMigrations } from '../helpers/migrations.ts'
import { EMPTY_PUBLIC, snapshotOf } from '../helpers/schema-snapshot.ts'

const BREAK = '--> statement-breakpoint'

let database: TestDatabase
let client: pg.Client
let fresh: pg.Client
let freshDatabase: TestDatabase
let parent: string
let directory: string

beforeAll(async () => {
  ;[database, freshDatabase] = [await createEmptyDatabase(), await createEmptyDatabase()]
  client = new pg.Client({ connectionString: database.url })
  fresh = new pg.Client({ connectionString: freshDatabase.url })
  await Promise.all([client.connect(), fresh.connect()])
  parent = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-histories-`))
  directory = join(parent, 'drizzle')
  return async () => {
    await Promise.all([client.end(), fresh.end()])
    await Promise.all([database.drop(), freshDatabase.drop()])
  }
})
afterAll(() => rm(parent, { recursive: true }))

async function reset(): Promise<void> {
  await client.query(`drop schema if exists drizzle, control cascade; ${EMPTY_PUBLIC}`)
}

const known = new Map<string, { lines: string[] } | { failed: string }>()

/** The schema that the migrations create in an empty database without a migrator, or the tag of the one that fails. */
async function freshResult(migrations: readonly TestMigration[]) {
  const key = migrations.map(({ sql }) => sql).join(BREAK)
  const cached = known.get(key)
  if (cached) return cached
  await fresh.query(`begin; ${EMPTY_PUBLIC}`)
  let tag = ''
  try {
    for (const migration of migrations) {
      tag = migration.tag
      // A statement that may not run in a transaction has the same effect without its mark.
      for (const statement of migration.sql.replaceAll('concurrently', '').split(BREAK))
        await fresh.query(statement)
    }
    const result = { lines: await snapshotOf(fresh) }
    known.set(key, result)
    return result
  } catch {
    return { failed: tag }
  } finally {
    await fresh.query('rollback')
  }
}

const hashOf = (sql: string) => createHash('sha256').update(sql).digest('hex')
const idOf = ({ when, sql }: Pick<TestMigration, 'when' | 'sql'>) => `${when} ${hashOf(sql)}`

/** The migrations outside a transaction that are half applied, cut after the last completed statement. */
async function halfApplied(seen: ReadonlyMap<string, TestMigration>): Promise<TestMigration[]> {
  const { rows: found } = await client.query(`select to_regclass('drizzle.__migration_progress') as name`)
  if (found[0].name === null) return []
  const { rows } = await client.query(
    'select created_at::text as when, max(position) as count, min(name) as name from drizzle.__migration_progress group by 1',
  )
  return rows.map(({ when, count: done, name }) => {
    const sql = [...seen.values()].find(migration => String(migration.when) === when)?.sql ?? ''
    return { tag: name, when: Number(when), sql: sql.split(BREAK).slice(0, done).join(BREAK) }
  })
}

/** The migrations that the database has recorded, in the order in which they were applied. */
async function appliedAmong(seen: ReadonlyMap<string, TestMigration>): Promise<TestMigration[]> {
  const { rows: found } = await client.query(`select to_regclass('drizzle.__drizzle_migrations') as name`)
  if (found[0].name === null) return []
  const { rows } = await client.query(
    'select created_at::text as when, hash, name from drizzle.__drizzle_migrations order by id',
  )
  return rows.map(({ when, hash, name }) => {
    const migration = seen.get(`${when} ${hash}`)
    if (!migration) throw new Error(`an unknown row: ${when} ${hash}`)
    return { ...migration, tag: name }
  })
}

const outcomes = new Map<string, number>()

type State = { applied: TestMigration[]; half: TestMigration[]; lines: string[] }

/** Runs a history. Throws where a step has a third outcome. */
async function follow(history: History): Promise<void> {
  await reset()
  const seen = new Map<string, TestMigration>()
  let before: State = { applied: [], half: [], lines: [] }
  for (const step of history.steps) {
    const folder = folderOf(history, step)
    for (const migration of folder) seen.set(idOf(migration), migration)
    await writeMigrations(directory, folder)
    const lost = before.half.filter(({ when }) => !folder.some(other => other.when === when))
    const refused = [
      ...refusedTags(before.applied, folder, step.allowOutOfOrder),
      ...lost.map(({ tag }) => tag),
    ]
    const expected = await freshResult(folder)

    const { allowOutOfOrder } = step
    const error = await migrate(database.url, { directory, allowOutOfOrder }).then(
      () => undefined,
      reason => reason,
    )

    const applied = await appliedAmong(seen)
    const half = await halfApplied(seen)
    const lines = await snapshotOf(client)
    if (refused.length > 0) {
      expect(error).toBeInstanceOf(UserFacingError)
      for (const tag of refused) expect(error.message).toContain(tag)
      expect({ applied, half, lines }).toEqual(before)
      count('refused')
    } else if ('failed' in expected) {
      expect(error).toBeInstanceOf(UserFacingError)
      expect(error.message).toContain(`${expected.failed} failed at`)
      expect(await freshResult([...applied, ...half])).toEqual({ lines })
      count('failed')
    } else {
      expect(error).toBe(undefined)
      expect(half).toEqual([])
      expect(lines).toEqual(expected.lines)
      expect(applied.map(idOf).sort()).toEqual(folder.map(idOf).sort())
      count(before.applied.length === 0 ? 'new' : allowOutOfOrder ? 'any order' : 'in order')
    }
    before = { applied, half, lines }
  }
}

function isEnough(): boolean {
  const merges = [...outcomes.values()].reduce((sum, times) => sum + times, 0)
  const kinds = ['new', 'in order', 'any order', 'refused', 'failed']
  return merges >= 500 && kinds.every(kind => (outcomes.get(kind) ?? 0) > 20)
}

function count(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

describe('P29: any history of branches, merged in any order and changed afterwards', () => {
  it('ends as a fresh database, or is refused by name', { timeout: 900_000 }, async () => {
    // Until there are 500 merges, and each outcome came often: about 350 histories, since few stay in order.
    for (let batch = 0; !isEnough() && batch < 20; batch++) {
      await fc.assert(fc.asyncProperty(histories({ length: 2, steps: 2 }), follow), { numRuns: 45 })
      await fc.assert(fc.asyncProperty(histories({ length: 3, steps: 4 }), follow), { numRuns: 5 })
    }
    expect(isEnough(), JSON.stringify([...outcomes])).toBe(true)
  })
})

/** All migrations of a history, as in a fresh clone. */
const wholeOf = (history: History) =>
  folderOf(history, {
    merged: history.branches.map(({ length }) => length),
    order: 'time',
    change: { kind: 'none', at: 0 },
    allowOutOfOrder: false,
  })

const tagsOf = (migrations: readonly TestMigration[]) => migrations.map(({ tag }) => tag)

describe('P29: any migrations', () => {
  it('whose connection ends in the middle are continued, with the same result', async () => {
    const check = async (history: History, at: number, position: number) => {
      await reset()
      const folder = withKill(wholeOf(history), at, position)
      const seen = new Map(folder.map(migration => [idOf(migration), migration]))
      await writeMigrations(directory, folder)
      await client.query('create schema control; create table control.kill ()')
      const killed = folder[at % folder.length]
      await expect(migrate(database.url, { directory })).rejects.toThrow(
        new RegExp(`^${killed?.tag} failed at .*terminating connection due to administrator command`),
      )
      const applied = await appliedAmong(seen)
      expect(tagsOf(applied)).toEqual(tagsOf(folder.slice(0, at % folder.length)))
      const half = await halfApplied(seen)
      expect(half.every(({ tag }) => tag === killed?.tag && killed.sql.startsWith(MARK))).toBe(true)
      expect({ lines: await snapshotOf(client) }).toEqual(await freshResult([...applied, ...half]))

      await client.query('drop schema control cascade')
      await migrate(database.url, { directory })
      expect({ lines: await snapshotOf(client) }).toEqual(await freshResult(folder))
      expect(tagsOf(await appliedAmong(seen))).toEqual(tagsOf(folder))
    }
    await fc.assert(fc.asyncProperty(histories({ length: 3, steps: 2 }), fc.nat(20), fc.nat(3), check), {
      numRuns: 30,
    })
  })

  it('are applied once by several migrators at the same time', async () => {
    const check = async (history: History) => {
      await reset()
      const folder = wholeOf(history)
      await writeMigrations(directory, folder)
      const applied = await Promise.all([1, 2, 3].map(() => migrate(database.url, { directory })))
      expect(applied.flat()).toEqual(tagsOf(folder))
      expect({ lines: await snapshotOf(client) }).toEqual(await freshResult(folder))
    }
    await fc.assert(fc.asyncProperty(histories({ length: 3, steps: 2 }), check), { numRuns: 10 })
  })
})
