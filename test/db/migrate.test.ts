/** The histories of the database and of the migrations folder (P29): each difference is refused by name. */
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as migrateWithDrizzle } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { dryRun } from '../../src/db/migrate.ts'
import type { TestDatabase } from '../helpers/database.ts'
import { A, B, C, refusal, rowsOf, setUp, tablesOf } from '../helpers/migrations.ts'

describe('P29: the history of the database and that of the folder', () => {
  it('a migration that is merged late is refused by name, and applied where that is allowed', async () => {
    const { database, apply, have, states } = await setUp(B)
    await apply()
    await have(A, B)
    expect(await states()).toEqual(['a out of order', 'b applied'])
    expect(await refusal(apply())).toMatch(/20260101000000_a is not applied, but later ones are/)
    expect(await tablesOf(database)).toEqual(['b'])
    expect(await apply({ allowOutOfOrder: true })).toEqual([A.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await states()).toEqual(['a applied', 'b applied'])
    expect(await apply()).toEqual([])
  })

  it('a migration that is last in the journal is applied, also with an earlier time', async () => {
    const { database, apply, have } = await setUp(B)
    await apply()
    await have(B, A)
    expect(await apply()).toEqual([A.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b'])
  })

  it.for([
    ['edited', [{ ...A, sql: 'create table a (id bigint);' }, B], /20260101000000_a was edited after/],
    ['edited in its last comment', [{ ...A, sql: `${A.sql} --` }, B], /20260101000000_a was edited after/],
    [
      'given another time',
      [{ ...A, when: A.when + 1 }, B],
      /20260101000000_a was renamed after it was applied/,
    ],
    [
      'generated anew',
      [{ ...A, when: A.when + 1, sql: 'select 1;' }, B],
      /20260101000000_a was edited after/,
    ],
    [
      'renamed',
      [{ ...A, tag: '20260101000001_x', when: A.when + 1 }, B],
      /20260101000001_x was renamed.*20260101000000_a/,
    ],
    ['deleted', [B], /20260101000000_a \(2026-01-01T00:00:00.000Z\) was applied, but is not among/],
    ['deleted, the newest', [A], /20260102000000_b .* a newer version of the service/],
  ] as const)('one that was %s is refused by name, and nothing is applied', async ([, changed, message]) => {
    const { database, apply, have } = await setUp(A, B)
    await apply()
    await have(...changed, C)
    if (changed.length === 1 && changed[0].tag === A.tag) await have(A)
    const before = await rowsOf(database)
    expect(await refusal(apply({ allowOutOfOrder: true }))).toMatch(message)
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await rowsOf(database)).toEqual(before)
  })

  it('all differences are named at once', async () => {
    const { apply, have } = await setUp(A, B)
    await apply()
    await have({ ...A, sql: 'select 1;' })
    const message = await refusal(apply())
    expect(message).toContain(A.tag)
    expect(message).toContain(B.tag)
  })

  it('a file of another name with the same time and contents is the same migration', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have({ ...A, tag: '20260101000000_better' })
    expect(await apply()).toEqual([])
    expect((await rowsOf(database))[0]?.name).toBe('20260101000000_better')
  })

  it('a row that exists twice is refused', async () => {
    const { database, apply } = await setUp(A)
    await apply()
    await database.query(
      'insert into drizzle.__drizzle_migrations (hash, created_at) select hash, created_at from drizzle.__drizzle_migrations',
    )
    expect(await refusal(apply())).toMatch(
      /recorded twice.*delete from drizzle.__drizzle_migrations where id = 2/,
    )
  })

  it('a database of a newer version is refused, or accepted where that is allowed', async () => {
    const { apply, have, lines } = await setUp(A, B)
    await apply()
    await have(A)
    expect(await refusal(apply())).toMatch(/20260102000000_b .*--allow-newer/)
    expect(await apply({ allowNewer: true })).toEqual([])
    expect(lines.join()).toMatch(/20260102000000_b .* newer version/)
    // Older than the migrations of the newer version: out of order.
    await have(A, { ...C, when: A.when + 1 })
    expect(await refusal(apply({ allowNewer: true }))).toMatch(/20260103000000_c is not applied, but later/)
  })

  it('CRLF and LF checkouts migrate the same database', async () => {
    const sql = 'create table a (\n  id int\n);\n--> statement-breakpoint\nselect 1;\n'
    const { apply, have, states } = await setUp({ ...A, sql: sql.replaceAll('\n', '\r\n') })
    await apply()
    await have({ ...A, sql }, B)
    expect(await apply()).toEqual([B.tag])
    await have({ ...A, sql: sql.replaceAll('\n', '\r\n') }, B)
    expect(await states()).toEqual(['a applied', 'b applied'])
  })

  it('a row that drizzle-orm wrote from a CRLF checkout matches the LF file', async () => {
    const sql = 'create table a (\n  id int\n);\n'
    const { database, directory, apply, have } = await setUp({ ...A, sql: sql.replaceAll('\n', '\r\n') })
    await withDrizzle(database, db => migrateWithDrizzle(db, { migrationsFolder: directory }))
    await have({ ...A, sql }, B)
    expect(await apply()).toEqual([B.tag])
  })
})

async function withDrizzle(
  { url }: TestDatabase,
  work: (db: ReturnType<typeof drizzle>) => Promise<void>,
): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  await work(drizzle(pool)).finally(() => pool.end())
}

describe("drizzle-orm's own migrator", () => {
  it('sees the migrations that were applied here, and its own are seen here', async () => {
    const { database, directory, apply, have, states } = await setUp(A)
    const theirs = () => withDrizzle(database, db => migrateWithDrizzle(db, { migrationsFolder: directory }))
    await theirs()
    expect(await states()).toEqual(['a applied'])
    await have(A, B)
    expect(await apply()).toEqual([B.tag])
    await theirs()
    await have(A, B, C)
    await theirs()
    expect(await apply()).toEqual([])
    expect((await rowsOf(database)).map(({ name }) => name)).toEqual([A.tag, B.tag, C.tag])
    expect(await tablesOf(database)).toEqual(['a', 'b', 'c'])
  })
})

describe('a dry run', () => {
  it('prints SQL that does the same by psql, and changes nothing', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await have({ ...A, sql: `${A.sql}\n--> statement-breakpoint\ninsert into a values (1) -- one` }, B)
    const { sql, count } = await dryRun(database.url, { directory })
    expect(count).toBe(2)
    expect(await tablesOf(database)).toEqual([])
    expect((await database.query(`select to_regnamespace('drizzle') as name`)).rows[0].name).toBe(null)
    await database.query(sql)
    expect(await tablesOf(database)).toEqual(['a', 'b'])
    expect(await apply()).toEqual([])
    expect(await dryRun(database.url, { directory })).toEqual({ sql: '', count: 0 })
  })

  it('refuses what a run would refuse', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await apply()
    await have({ ...A, sql: 'select 1;' })
    expect(await refusal(dryRun(database.url, { directory }))).toContain('was edited')
  })
})
