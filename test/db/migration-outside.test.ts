/** Migrations outside a transaction (P29): a failure reports what the database keeps, and the next run continues there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { dryRun } from '../../src/db/migrate.ts'
import { A, B, C, refusal, rowsOf, setUp, tablesOf } from '../helpers/migrations.ts'

const MIGRATE = new URL('../../src/db/migrate.ts', import.meta.url).href

describe('P29: a migration outside a transaction', () => {
  const concurrent = (sql: string) => ({ ...B, sql: `-- migrate: no-transaction\n${sql}` })
  const BREAK = '\n--> statement-breakpoint\n'

  it('builds an index concurrently, also while others wait for their turn', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have(A, concurrent('create index concurrently a_id on a (id);'), C)
    const applied = await Promise.all([apply(), apply(), apply()])
    expect(applied.flat()).toEqual([B.tag, C.tag])
    expect(await tablesOf(database)).toEqual(['a', 'a_id', 'c'])
    expect((await database.query('select from pg_index where not indisvalid')).rowCount).toBe(0)
  })

  it('runs each statement alone, also where no breakpoint is between them', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await have(
      A,
      concurrent('create index concurrently one on a (id);\ncreate index concurrently two on a (id)'),
    )
    await apply()
    expect(await tablesOf(database)).toEqual(['a', 'one', 'two'])
  })

  it('without the mark fails with the reason', async () => {
    const { apply, have } = await setUp(A)
    await apply()
    await have(A, { ...B, sql: 'create index concurrently a_id on a (id);' })
    expect(await refusal(apply())).toMatch(/CREATE INDEX CONCURRENTLY cannot run inside a transaction block/)
  })

  it('that fails reports what the database keeps, is not recorded, and continues there', async () => {
    const { database, apply, have, lines, states } = await setUp(A)
    const sql = `insert into a values (1), (1);${BREAK}create unique index concurrently a_id on a (id);${BREAK}create table d (id int);`
    await have(A, concurrent(sql))
    const message = await refusal(apply())
    expect(message).toMatch(
      /20260102000000_b failed at drizzle\/20260102000000_b\.sql, line 4: could not create unique index "a_id"/,
    )
    expect(message).toContain('The database keeps the 1 statement before it')
    expect(message).toContain('public.a_id is INVALID and not used: `drop index concurrently public.a_id`')
    expect((await rowsOf(database)).map(({ name }) => name)).toEqual([A.tag])
    expect(await states()).toEqual(['a applied', 'b pending'])

    // The index exists and is not valid: to continue would record it as created.
    expect(await refusal(apply())).toMatch(/"a_id" already exists.*public\.a_id is INVALID/)
    await database.query('drop index a_id; delete from a where ctid = (select min(ctid) from a)')
    expect(await apply()).toEqual([B.tag])
    expect(lines.join('\n')).toContain('Continuing 20260102000000_b after 1 statement')
    expect((await database.query('select id from a')).rows).toEqual([{ id: 1 }])
    expect(await tablesOf(database)).toEqual(['a', 'a_id', 'd'])
    expect((await database.query('select from drizzle.__migration_progress')).rowCount).toBe(0)
  })

  it('that continues has the settings that it made before', async () => {
    const { database, apply, have } = await setUp(A)
    const sql = `set work_mem = '7MB';${BREAK}set time zone 'Asia/Tokyo';${BREAK}reset time zone;${BREAK}create table d as select current_setting('work_mem') as size, current_setting('timezone') as zone from later`
    await have(A, concurrent(sql))
    const { rows } = await database.query('show timezone')
    expect(await refusal(apply())).toMatch(/"later" does not exist.*keeps the 3 statements before it/)
    await database.query('create table later as select 1')
    expect(await apply()).toEqual([B.tag])
    expect((await database.query('select * from d')).rows).toEqual([{ size: '7MB', zone: rows[0].TimeZone }])
  })

  it.for([
    'set role app',
    'SET SESSION /* x */ AUTHORIZATION app',
    "set session search_path = 'app'",
    "set schema 'app'",
    'set lock_timeout = 0',
    "set local work_mem = '1MB'",
    'reset role',
    'reset all',
    'discard temp',
  ])('is not begun where a statement would have no effect, or an effect on the record: %s', async command => {
    const { database, apply, have } = await setUp(A)
    await have(A, concurrent(`create table d (id int);\n${command};\ncreate table e (id int)`))
    expect(await refusal(apply())).toMatch(
      /_b was not begun: .*_b\.sql, line 3 has `(re)?(set|discard) .*Outside a/i,
    )
    expect(await tablesOf(database)).toEqual([])
  })

  it('does not skip an invalid index with "if not exists"', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    await database.query('insert into a values (1), (1)')
    await have(A, concurrent('create unique index concurrently if not exists a_id on a (id);'))
    expect(await refusal(apply())).toContain('public.a_id is INVALID')
    await database.query('delete from a')
    expect(await refusal(apply())).toMatch(/_b was not completed: .*line 2, the index public.a_id is INVALID/)
    await database.query('drop index a_id')
    expect(await apply()).toEqual([B.tag])
  })

  it('is not continued where a completed statement was edited', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A, concurrent(`insert into a values (2);${BREAK}select 1;`))
    expect(await refusal(apply())).toMatch(
      /_b was not continued: .*statement 1 of drizzle\/20260102000000_b\.sql/,
    )
    // The failed statement may change.
    await have(A, concurrent(`insert into a values (1);${BREAK}select 1;`))
    expect(await apply()).toEqual([B.tag])
  })

  it('that is half applied may not be deleted', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A)
    expect(await refusal(apply())).toMatch(/20260102000000_b was begun .* its file is gone/)
  })

  it('that failed at its first statement and left nothing may be deleted', async () => {
    const { apply, have } = await setUp(A)
    await have(A, concurrent('select nothing;'))
    expect(await refusal(apply())).toContain('No statement of it was completed.')
    await have(A)
    expect(await apply()).toEqual([])
  })

  it('reports that an earlier run may have created an object, and was killed before it could record it', async () => {
    const { database, apply, have } = await setUp(A)
    await apply()
    const migration = concurrent('create index concurrently a_id on a (id);')
    await have(A, migration)
    await database.query('create index a_id on a (id)')
    await database.query(
      'create table drizzle.__migration_progress (created_at bigint, position int, hash text not null, name text not null, primary key (created_at, position))',
    )
    await database.query('insert into drizzle.__migration_progress values ($1, 0, $2, $3)', [
      B.when,
      '',
      B.tag,
    ])
    expect(await refusal(apply())).toMatch(/"a_id" already exists.* An earlier run was cut short/)
    await database.query('drop index a_id')
    expect(await apply()).toEqual([B.tag])
  })

  it.for([
    ['insert into a select 1 from pg_sleep(1)', [{ id: 1 }]],
    [
      'do $$ begin insert into a values (1); commit; perform pg_sleep(1); end $$',
      /was not continued: .*cut short in the `do` of .*line 3/,
    ],
  ] as const)('whose migrator is killed does no statement twice: %s', async ([statement, expected]) => {
    const { database, directory, apply, have } = await setUp(A)
    await apply()
    await have(A, concurrent(`set work_mem = '7MB';\n${statement};`))
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `await (await import(${JSON.stringify(MIGRATE)})).migrate(${JSON.stringify(database.url)}, { directory: ${JSON.stringify(directory)} })`,
    ])
    await expect
      .poll(
        async () =>
          (
            await database.query(
              "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
            )
          ).rowCount,
        { timeout: 60_000 },
      )
      .toBe(1)
    child.kill('SIGKILL')
    await once(child, 'exit')
    if (expected instanceof RegExp) {
      const message = await refusal(apply())
      expect(message).toMatch(expected)
      const [, takeAsDone = ''] = /`(update [^`]*)`/.exec(message) ?? []
      await database.query(takeAsDone)
    }
    expect(await apply()).toEqual([B.tag])
    expect((await database.query('select id from a')).rows).toEqual([{ id: 1 }])
    expect((await database.query('select from drizzle.__migration_progress')).rowCount).toBe(0)
  })

  it('runs code again that ended with an error', async () => {
    const { database, apply, have } = await setUp(A)
    await have(A, concurrent(`select 1;\ndo $$ begin insert into later values (1); end $$;`))
    expect(await refusal(apply())).toContain('"later" does not exist')
    await database.query('create table later (id int)')
    expect(await apply()).toEqual([B.tag])
  })

  it('in a dry run prints only the statements that are left', async () => {
    const { database, directory, apply, have } = await setUp(A)
    await have(A, concurrent(`insert into a values (1);${BREAK}select nothing;`))
    await refusal(apply())
    await have(A, concurrent(`insert into a values (1);${BREAK}select 1;`))
    const { sql } = await dryRun(database.url, { directory })
    expect(sql).not.toContain('insert into a')
    expect(sql).toContain('select 1;')
  })

  it('waits without a limit to build an index, and reports for which session', async () => {
    const { database, apply, have, lines } = await setUp(A)
    await apply()
    await have(A, concurrent('create index concurrently a_id on a (id);'))
    const writer = await database.connect()
    await writer.query("set application_name = 'long writer'; begin; insert into a values (1)")
    const applying = apply()
    await expect
      .poll(() => lines.join(), { timeout: 20_000 })
      .toMatch(/_b waits for a lock of pid \d+ \(long writer/)
    await writer.query('commit')
    writer.release()
    expect(await applying).toEqual([B.tag])
  })
})
