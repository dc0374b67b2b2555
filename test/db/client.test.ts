/** Transactions and the pool: what happens to the work and to the connection when something fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import { createDatabase, type Database, type Executor } from '../../src/db/client.ts'
import { databaseErrorCode } from '../../src/db/errors.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { until } from '../helpers/until.ts'

/** The limit of the connection is longer: a busy machine takes a while to open one. */
const LIMITS = {
  connectTimeout: 1500,
  statementTimeout: 300,
  lockTimeout: 150,
  idleInTransactionTimeout: 300,
}
const POOL_MAX = 2

let outside: TestDatabase
let database: Database
let lost: Error[]

beforeAll(async () => {
  outside = await cloneDatabase()
  await outside.query(`
    create table t_parents (id int primary key);
    create table t_notes (id int primary key, parent int references t_parents deferrable initially deferred)`)
  database = createDatabase(
    { url: outside.url, poolMax: POOL_MAX, ...LIMITS },
    {
      onError: error => lost.push(error),
      onQuery: (_text, run) => run(),
      onWait: () => {},
      onCrowded: () => {},
      onUnreachable: () => {},
      onReachable: () => {},
    },
  )
  lost = []
})
afterEach(async () => {
  const { pool } = database
  await until('every connection is back', () => pool.totalCount === pool.idleCount && pool.waitingCount === 0)
  await outside.query('truncate t_notes, t_parents')
  lost = []
})
afterAll(async () => {
  await database.pool.end()
  await outside.drop()
})

const insert = (tx: Executor, id: number) => tx.execute(sql`insert into t_notes (id) values (${id})`)
const pidOf = async (tx: Executor) =>
  Number((await tx.execute(sql`select pg_backend_pid() as pid`)).rows[0]?.pid)
const countNotes = async () => (await outside.query('select from t_notes')).rowCount
const inTransaction = <T>(work: (tx: Executor) => Promise<T>) => database.transaction('read committed', work)

/** The error code that a client gets for a failed transaction. */
async function problemOf(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => {
      throw new Error('it did not fail')
    },
    (thrown: unknown) => thrown,
  )
  return databaseErrorCode(error, {})
}

describe('a transaction', () => {
  it('commits its work, and returns the result', async () => {
    expect((await inTransaction(tx => insert(tx, 1))).rowCount).toBe(1)
    expect(await countNotes()).toBe(1)
  })

  it.for(['read committed', 'repeatable read', 'serializable'] as const)('has the level %s', async level => {
    const shown = database.transaction(level, tx => tx.execute(sql`show transaction_isolation`))
    expect((await shown).rows).toEqual([{ transaction_isolation: level }])
  })

  it('rolls back where its work throws, and keeps the connection', async () => {
    let pid: number | undefined
    const failure = new Error('changed my mind')
    const failing = inTransaction(async tx => {
      await insert(tx, 1)
      pid = await pidOf(tx)
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(await countNotes()).toBe(0)
    expect(await inTransaction(pidOf)).toBe(pid)
  })

  it('rejects where its work ignored a failed statement, because nothing was committed', async () => {
    const failing = inTransaction(async tx => {
      await insert(tx, 1)
      await tx.execute(sql`select 1 / 0`).catch(() => 'never mind')
    })
    await expect(failing).rejects.toThrow('nothing was committed')
    expect(await countNotes()).toBe(0)
  })

  it('rejects with the error of its commit, such as a deferred constraint', async () => {
    const failing = inTransaction(tx => tx.execute(sql`insert into t_notes (id, parent) values (1, 42)`))
    expect(await problemOf(failing)).toBe('CONFLICT')
    expect(await countNotes()).toBe(0)
    expect(await inTransaction(async () => 'fine')).toBe('fine')
  })

  it('rejects with CONFLICT where another transaction made it impossible', async () => {
    await outside.query('insert into t_notes (id) values (1)')
    const failing = database.transaction('repeatable read', async tx => {
      await tx.execute(sql`select * from t_notes`)
      await outside.query('update t_notes set parent = null')
      await tx.execute(sql`update t_notes set parent = null`)
    })
    expect(await problemOf(failing)).toBe('CONFLICT')
  })
})

describe('P19: a limit', () => {
  it('is set on the server, for each kind', async () => {
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    const { rows } = await database.pool.query(
      'select name, setting::int from pg_settings where name = any ($1) order by name',
      [names],
    )
    expect(rows).toEqual([
      { name: 'idle_in_transaction_session_timeout', setting: LIMITS.idleInTransactionTimeout },
      { name: 'lock_timeout', setting: LIMITS.lockTimeout },
      { name: 'statement_timeout', setting: LIMITS.statementTimeout },
    ])
  })

  it('ends a statement that runs too long, rolls back, and keeps the connection', async () => {
    let pid: number | undefined
    const failing = inTransaction(async tx => {
      pid = await pidOf(tx)
      await insert(tx, 1)
      await tx.execute(sql`select pg_sleep(10)`)
    })
    expect(await problemOf(failing)).toBe('DATABASE_UNAVAILABLE')
    expect(await countNotes()).toBe(0)
    expect(await inTransaction(pidOf)).toBe(pid)
  })

  it('ends the wait for a lock', async () => {
    const holder = await outside.connect()
    await holder.query('begin; lock table t_notes in access exclusive mode')
    const failing = inTransaction(tx => insert(tx, 1))
    expect(await problemOf(failing)).toBe('DATABASE_UNAVAILABLE')
    await holder.query('rollback')
    holder.release()
    await inTransaction(tx => insert(tx, 1))
    expect(await countNotes()).toBe(1)
  })

  it('ends a transaction that pauses too long, and its connection is not used again', async () => {
    let pid: number | undefined
    const failing = inTransaction(async tx => {
      pid = await pidOf(tx)
      await insert(tx, 1)
      await until('the server closes the connection', () => lost.length > 0)
      await insert(tx, 2)
    })
    expect(await problemOf(failing)).toBe('DATABASE_UNAVAILABLE')
    expect(await countNotes()).toBe(0)
    expect(await inTransaction(pidOf)).not.toBe(pid)
  })

  it.each([
    ['was just used', 0],
    ['was idle for longer than that', 1000],
  ])(
    'of the driver ends a wait that the server does not end, on a connection that %s, and the connection with it',
    async (_what, idle) => {
      const before = await inTransaction(pidOf)
      await sleep(idle)
      let pid: number | undefined
      const failing = inTransaction(async tx => {
        pid = await pidOf(tx)
        await insert(tx, 1)
        await tx.execute(sql`set local statement_timeout = 0`)
        await tx.execute(sql`select pg_sleep(2)`)
      })
      expect(await problemOf(failing)).toBe('DATABASE_UNAVAILABLE')
      expect(pid).toBe(before)
      expect(await inTransaction(pidOf)).not.toBe(pid)
      await until('the server notices', async () => (await pidsOfApp()).every(other => other !== pid))
      expect(await countNotes()).toBe(0)
    },
  )

  it('ends the wait for a free connection', async () => {
    const held = [await database.pool.connect(), await database.pool.connect()]
    const since = performance.now()
    const waiting = Array.from({ length: 10 }, () => problemOf(inTransaction(pidOf)))
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['DATABASE_UNAVAILABLE']))
    expect(performance.now() - since).toBeGreaterThanOrEqual(LIMITS.connectTimeout - 10)
    expect(database.pool.waitingCount).toBe(0)
    for (const client of held) client.release()
    expect(await inTransaction(async () => 'fine')).toBe('fine')
  })
})

describe('a connection', () => {
  it.for(['between two statements', 'in the middle of a statement'])(
    'that is terminated %s of a transaction is not used again',
    async when => {
      let pid = 0
      const failing = inTransaction(async tx => {
        pid = await pidOf(tx)
        await insert(tx, 1)
        const terminate = () => outside.query('select pg_terminate_backend($1)', [pid])
        if (when === 'between two statements') {
          await terminate()
          await until('the end is noticed', () => lost.length > 0)
        } else void sleep(50).then(terminate)
        await tx.execute(sql`select pg_sleep(0.2)`)
      })
      expect(await problemOf(failing)).toBe('DATABASE_UNAVAILABLE')
      expect(await countNotes()).toBe(0)
      expect(await inTransaction(pidOf)).not.toBe(pid)
    },
  )

  it('returns to the pool for every way in which the work on it ends', async () => {
    const works: ((tx: Executor) => Promise<unknown>)[] = [
      tx => tx.execute(sql`select 1`),
      tx => tx.execute(sql`select 1 / 0`),
      () => Promise.reject(new Error('no reason')),
      tx => tx.execute(sql`select pg_terminate_backend(pg_backend_pid())`),
      tx => tx.execute(sql`insert into t_notes (id, parent) values (1, 42)`),
    ]
    for (let round = 0; round < 8; round++) {
      await Promise.allSettled(works.map(work => inTransaction(work)))
    }
    expect(await pidsOfApp()).toHaveLength(database.pool.totalCount)
    expect(database.pool.totalCount).toBeLessThanOrEqual(POOL_MAX)
    const state = await database.pool.query(`select now() = statement_timestamp() as is_outside`)
    expect(state.rows).toEqual([{ is_outside: true }])
  })
})

async function pidsOfApp(): Promise<number[]> {
  const { rows } = await outside.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = ${pg.escapeLiteral(SERVICE_NAME)} and datname = current_database()`,
  )
  return rows.map(({ pid }) => pid)
}
