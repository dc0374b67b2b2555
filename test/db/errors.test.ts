/** Each error of PostgreSQL, provoked for real through Drizzle, has the code that describes it to a client. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Database, type Executor } from '../../src/db/client.ts'
import { databaseErrorCode } from '../../src/db/errors.ts'
import { testConfig } from '../helpers/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'

let clone: TestDatabase
let database: Database

beforeAll(async () => {
  clone = await cloneDatabase()
  database = createDatabase(
    testConfig(clone.url, {
      DATABASE_LOCK_TIMEOUT: '200ms',
      DATABASE_STATEMENT_TIMEOUT: '500ms',
      DATABASE_POOL_MAX: '4',
    }).database,
  )
  await clone.query('create table things (id int primary key, name text unique, other int references things)')
  await clone.query("insert into things values (1, 'one'), (2, 'two')")
})
afterAll(async () => {
  await database.pool.end()
  await clone.drop()
})

/** The error code that `work` fails with, and its SQLSTATE or the driver's code. */
async function failureOf(
  work: () => Promise<unknown>,
): Promise<{ problem: string | undefined; state: string | undefined }> {
  try {
    await work()
  } catch (error) {
    const { cause = error } = error as { cause?: unknown }
    return {
      problem: databaseErrorCode(error, { users_email_key: 'EMAIL_TAKEN' }),
      state: (cause as { code?: string }).code,
    }
  }
  throw new Error('nothing failed')
}

const run = (text: string) => () => database.db.execute(sql.raw(text))
const inTransaction =
  (
    work: (tx: Executor) => Promise<unknown>,
    isolation: Parameters<Database['transaction']>[0] = 'read committed',
  ) =>
  () =>
    database.transaction(isolation, work)

describe('a value that cannot be stored is a 400', () => {
  it.each([
    ['22P02', "select 'x'::uuid"],
    ['22003', 'select 2147483647::int + 1'],
    ['22007', "select 'x'::timestamptz"],
    ['22008', "select '2026-13-01'::date"],
    ['22009', "select '2026-01-01 00:00:00+99'::timestamptz"],
    ['2201W', 'select 1 limit -1'],
    ['22P05', `select '"\\u0000"'::jsonb ->> 0`],
    ['22012', 'select 1 / 0'],
  ])('%s', async (state, text) => {
    expect(await failureOf(run(text))).toEqual({ problem: 'INVALID_VALUE', state })
  })

  it('22021, NUL in a text', async () => {
    expect(await failureOf(() => database.db.execute(sql`select ${'a\0b'}::text`))).toEqual({
      problem: 'INVALID_VALUE',
      state: '22021',
    })
  })

  it('54000, a text too long for its index', async () => {
    const text =
      "insert into things (id, name) select 9, string_agg(md5(i::text), '') from generate_series(1, 1000) i"
    expect(await failureOf(run(text))).toEqual({ problem: 'INVALID_VALUE', state: '54000' })
  })

  it('08P01, more parameters than the protocol counts', async () => {
    const values = Array.from({ length: 65_536 }, (_, i) => i)
    // Without the limit of a statement: a busy machine takes a while to parse this one.
    expect(
      await failureOf(() =>
        clone.query(`select 1 where 1 in (${values.map(i => `$${i + 1}::int`)})`, values),
      ),
    ).toEqual({ problem: 'INVALID_VALUE', state: '08P01' })
  })
})

it('takes an error that ended the session for a lost database: PgBouncer sends 08P01 for a lost server', () => {
  const lost = new pg.DatabaseError('server conn crashed?', 0, 'error')
  Object.assign(lost, { severity: 'FATAL', code: '08P01' })
  expect(databaseErrorCode(lost, {})).toBe('DATABASE_UNAVAILABLE')
})

describe('a conflict with another row, or another transaction, is a 409', () => {
  it.each([
    ['23505', 'CONFLICT', "insert into things values (3, 'one')"],
    ['23503', 'CONFLICT', "insert into things values (3, 'three', 99)"],
    [
      '23505',
      'EMAIL_TAKEN',
      "insert into users (email, password_hash, display_name) values ('Ada@example.com', '', ''), ('ada@EXAMPLE.com', '', '')",
    ],
  ])('%s as %s', async (state, problem, text) => {
    expect(await failureOf(run(text))).toEqual({ problem, state })
  })

  it('40001, what a serializable transaction cannot do after another', async () => {
    const work = inTransaction(async tx => {
      await tx.execute(sql`select name from things where id = 1`)
      await database.db.execute(sql`update things set name = name || '!' where id = 1`)
      await tx.execute(sql`update things set name = 'mine' where id = 1`)
    }, 'serializable')
    expect(await failureOf(work)).toEqual({ problem: 'CONFLICT', state: '40001' })
  })

  it('40P01, the victim of a deadlock for the third time', () => {
    const victim = Object.assign(new pg.DatabaseError('deadlock detected', 0, 'error'), { code: '40P01' })
    expect(databaseErrorCode(victim, {})).toBe('CONFLICT')
  })
})

describe('the victim of a deadlock', () => {
  // By default the server detects deadlocks after a second, which is later than the lock timeout of these tests.
  const PATIENT = sql`set local lock_timeout = 0`
  const DETECT_SOON = sql`set local deadlock_timeout = '50ms'`
  const lock = (on: Executor, id: number) => on.execute(sql`update things set other = null where id = ${id}`)

  it('runs again, as a transaction', async () => {
    const locked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    let runs = 0
    const cross = (first: 0 | 1, second: 0 | 1) =>
      inTransaction(async tx => {
        runs += 1
        await tx.execute(PATIENT)
        await tx.execute(DETECT_SOON)
        await lock(tx, first + 1)
        locked[first].resolve()
        await locked[second].promise
        await lock(tx, second + 1)
      })()
    await Promise.all([cross(0, 1), cross(1, 0)])
    expect(runs).toBe(3)
  })

  it('runs again, as a statement', async () => {
    // It holds lock 1 and waits for lock 2. It has waited longer when the transaction waits for lock 1: it is the victim.
    const statement = sql`
      select set_config('deadlock_timeout', '300ms', false), pg_advisory_xact_lock(1), pg_advisory_xact_lock(2)`
    const { pending } = await database.transaction('read committed', async tx => {
      await tx.execute(sql`select pg_advisory_xact_lock(2)`)
      const pending = database.db.execute(statement)
      await sleep(100)
      await tx.execute(PATIENT)
      await tx.execute(sql`select pg_advisory_xact_lock(1)`)
      return { pending }
    })
    expect((await pending).rowCount).toBe(1)
  })
})

describe('a server that does not respond, or reports that it cannot, is a 503', () => {
  it('57014, a statement past its time', async () => {
    expect(await failureOf(run('select pg_sleep(5)'))).toEqual({
      problem: 'DATABASE_UNAVAILABLE',
      state: '57014',
    })
  })

  it('55P03, a lock past its time', async () => {
    await database.transaction('read committed', async tx => {
      await tx.execute(sql`select 1 from things where id = 1 for update`)
      expect(await failureOf(run('update things set other = null where id = 1'))).toEqual({
        problem: 'DATABASE_UNAVAILABLE',
        state: '55P03',
      })
    })
  })

  it('57P01, a connection that an administrator ends', async () => {
    const work = inTransaction(async tx => {
      const { rows } = await tx.execute(sql`select pg_backend_pid() as pid`)
      await clone.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      await tx.execute(sql`select 1`)
    })
    expect((await failureOf(work)).problem).toBe('DATABASE_UNAVAILABLE')
  })

  it.each([
    ['25P03', 'idle_in_transaction_session_timeout'],
    ['25P04', 'transaction_timeout'],
  ])('%s, a transaction that waits too long for its client', async (_state, setting) => {
    const work = inTransaction(async tx => {
      const { rows } = await tx.execute(sql`select pg_backend_pid() as pid`)
      await tx.execute(sql.raw(`set local ${setting} = '50ms'`))
      const isGone = async () =>
        (await clone.query('select 1 from pg_stat_activity where pid = $1', [rows[0]?.pid])).rowCount === 0
      await expect.poll(isGone, { timeout: 10_000 }).toBe(true)
      await tx.execute(sql`select 1`)
    })
    expect((await failureOf(work)).problem).toBe('DATABASE_UNAVAILABLE')
  })

  it('25006, a write on a standby or in a read-only database', async () => {
    const work = inTransaction(async tx => {
      await tx.execute(sql`set transaction read only`)
      await tx.execute(sql`update things set other = null`)
    })
    expect(await failureOf(work)).toEqual({ problem: 'DATABASE_UNAVAILABLE', state: '25006' })
  })

  it('28P01, 3D000 and 53300: a wrong password, a missing database, and a server with too many connections', async () => {
    const guest = `guest_${process.pid}`
    await clone.query(`create role ${guest} login password 'secret' connection limit 0`)
    const at = (changes: Partial<URL>) =>
      Object.assign(new URL(clone.url), { username: guest, password: 'secret', ...changes }).href
    const outcomes = [
      await failureOf(() => connectTo(at({ password: 'wrong' }))),
      await failureOf(() =>
        connectTo(
          at({
            username: new URL(clone.url).username,
            password: new URL(clone.url).password,
            pathname: '/missing',
          }),
        ),
      ),
      await failureOf(() => connectTo(at({}))),
    ]
    await clone.query(`drop role ${guest}`)
    expect(outcomes).toEqual(
      ['28P01', '3D000', '53300'].map(state => ({ problem: 'DATABASE_UNAVAILABLE', state })),
    )
  })

  it('a port without a listener, a host that does not resolve, and a server that accepts and sends nothing', async () => {
    const silent = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    expect((await failureOf(() => connectTo(`postgres://a:b@127.0.0.1:${port}/c`))).problem).toBe(
      'DATABASE_UNAVAILABLE',
    )
    silent.close()
    await once(silent, 'close')
    expect(await failureOf(() => connectTo(`postgres://a:b@127.0.0.1:${port}/c`))).toEqual({
      problem: 'DATABASE_UNAVAILABLE',
      state: 'ECONNREFUSED',
    })
    expect((await failureOf(() => connectTo('postgres://a:b@no-such-host.invalid/c'))).problem).toBe(
      'DATABASE_UNAVAILABLE',
    )
  })

  it('a pool whose connections are all in use, and one that is closed', async () => {
    // Longer than a busy machine takes to open one.
    const pool = createDatabase(
      testConfig(clone.url, { DATABASE_POOL_MAX: '1', DATABASE_CONNECT_TIMEOUT: '2s' }).database,
    )
    const client = await pool.pool.connect()
    expect((await failureOf(() => pool.db.execute(sql`select 1`))).problem).toBe('DATABASE_UNAVAILABLE')
    client.release()
    await pool.pool.end()
    expect((await failureOf(() => pool.db.execute(sql`select 1`))).problem).toBe('DATABASE_UNAVAILABLE')
  })
})

describe('our own mistakes stay a 500', () => {
  it.each([
    ['42P01', 'select * from no_such_table'],
    ['42601', 'selekt 1'],
    ['42703', 'select no_such_column from things'],
    ['23502', 'insert into things (name) values (null)'],
    [
      '23514',
      "insert into users (email, password_hash, display_name, role) values ('a@example.com', '', '', 'king')",
    ],
  ])('%s', async (state, text) => {
    expect(await failureOf(run(text))).toEqual({ problem: undefined, state })
  })

  it.each([new Error('x'), null, undefined, 'text', { code: '23505' }])(
    '%s, which is not PostgreSQL',
    error => {
      expect(databaseErrorCode(error, {})).toBeUndefined()
    },
  )
})

async function connectTo(url: string): Promise<void> {
  const { pool, db } = createDatabase(testConfig(url, { DATABASE_CONNECT_TIMEOUT: '1s' }).database)
  try {
    await db.execute(sql`select 1`)
  } finally {
    await pool.end()
  }
}
