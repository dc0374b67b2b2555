/** Named statements that the server refuses: a migration changed a column's type, or the session lost them. */
import { sql } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Database, type Executor } from '../../src/db/client.ts'
import { databaseErrorCode } from '../../src/db/errors.ts'
import type { PooledConnection } from '../../src/db/pool.ts'
import { createTestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { expectProblem } from '../helpers/problems.ts'

const POOL_MAX = 4
const CLIENTS = 50

const table = pgTable('t_notes', { id: integer('id').primaryKey(), body: text('body') })

let outside: TestDatabase
let database: Database

beforeAll(async () => {
  outside = await cloneDatabase()
  database = createDatabase(testConfig(outside.url, { DATABASE_POOL_MAX: String(POOL_MAX) }).database)
})
beforeEach(async () => {
  await outside.query('drop table if exists t_notes; create table t_notes (id int primary key, body text)')
  await outside.query(`insert into t_notes values (1, '1')`)
})
afterAll(async () => {
  await database.close()
  await outside.drop()
})

let names = 0
/** A statement with a name of its own: another test has not prepared it. */
function named(text: string, values: unknown[]): pg.QueryConfig {
  names += 1
  return { name: `statement_${names}`, text, values }
}

/** Runs work on every connection of the pool, at the same time. */
async function onEveryConnection(work: (connection: PooledConnection) => Promise<unknown>): Promise<void> {
  const clients = await Promise.all(Array.from({ length: POOL_MAX }, () => database.pool.connect()))
  await Promise.all(clients.map(work))
  for (const client of clients) client.release()
}

/** The rows of many calls that run a statement at the same time. */
async function rowsOfMany(statement: pg.QueryConfig): Promise<unknown[][]> {
  const results = await Promise.all(Array.from({ length: CLIENTS }, () => database.pool.query(statement)))
  return results.map(({ rows }) => rows)
}

const SELECT = 'select id, body from t_notes where id = $1'

describe('a named statement outside a transaction', () => {
  it.each([
    ['its result', 'alter table t_notes alter body type varchar(80)', SELECT, [1]],
    ['its result, by another column', 'alter table t_notes add extra int', 'select * from t_notes', []],
    ['its result, by one less', 'alter table t_notes drop body', 'select * from t_notes', []],
    [
      'its parameter',
      'alter table t_notes alter body type int using body::int',
      'select 1 from t_notes where body = $1',
      ['1'],
    ],
    [
      'its parameter, in an insert',
      'alter table t_notes alter body type jsonb using body::jsonb',
      'insert into t_notes values ((random() * 1e9)::int, $1)',
      ['2'],
    ],
  ])('runs where a migration has changed %s, on every connection', async (_what, migration, text, values) => {
    const statement = named(text, values)
    await onEveryConnection(client => client.query(statement))
    await outside.query(migration)
    const fresh = await database.pool.query(text, values)
    expect(await rowsOfMany(statement)).toEqual(Array(CLIENTS).fill(fresh.rows))
    expect(await rowsOfMany(statement)).toEqual(Array(CLIENTS).fill(fresh.rows))
  })

  it('runs where a pooler gave it a session that does not know its name', async () => {
    const statement = named(SELECT, [1])
    await onEveryConnection(client => client.query(statement).then(() => client.query('deallocate all')))
    expect(await rowsOfMany(statement)).toEqual(Array(CLIENTS).fill([{ id: 1, body: '1' }]))
  })

  it('runs where a pooler gave it a session that knows its name already', async () => {
    const statement = named(SELECT, [1])
    await onEveryConnection(client => client.query(`prepare ${statement.name} as select 2`))
    expect(await rowsOfMany(statement)).toEqual(Array(CLIENTS).fill([{ id: 1, body: '1' }]))
  })

  it('writes once for each time that it is run', async () => {
    await outside.query('create table if not exists writes (at text); truncate writes')
    const statement = named('insert into writes values ($1) returning at', ['x'])
    await onEveryConnection(client => client.query(statement))
    await outside.query('truncate writes; alter table writes alter at type varchar(80)')
    await rowsOfMany(statement)
    expect((await outside.query('select count(*)::int from writes')).rows).toEqual([{ count: CLIENTS }])
  })

  it.each([
    ['42703', 'select nothing from t_notes', []],
    ['42P01', 'select 1 from nothing', []],
    ['22012', 'select 1 / (id - 1) from t_notes', []],
    // A missing feature of PostgreSQL has the same code as a stale plan.
    ['0A000', 'select id from t_notes union select id from t_notes for update', []],
  ])('fails with %s where that is what is wrong with it', async (code, text, values) => {
    await expect(database.pool.query(named(text, values))).rejects.toMatchObject({ code })
    expect(databaseErrorCode(await database.pool.query(named(text, values)).catch(error => error), {})).toBe(
      code === '22012' ? 'INVALID_VALUE' : undefined,
    )
  })
})

describe('a named statement in a transaction', () => {
  const select = (tx: Executor, name: string) => tx.select().from(table).prepare(name).execute()

  it.each([
    ['has changed its result', 'alter table t_notes alter body type varchar(80)'],
    ['is one of a pooler', undefined],
  ])('is a 503 where its session %s; the connection goes, and with it the work', async (_what, migration) => {
    names += 1
    const name = `select_notes_${names}`
    await onEveryConnection(client => client.query({ name, text: 'select "id", "body" from "t_notes"' }))
    if (migration === undefined) await onEveryConnection(client => client.query('deallocate all'))
    else await outside.query(migration)
    const pids: unknown[] = []
    const work = async (tx: Executor) => {
      pids.push((await tx.execute(sql`select pg_backend_pid() as pid`)).rows[0]?.pid)
      await tx.insert(table).values({ id: 2, body: 'two' })
      return select(tx, name)
    }
    for (let connection = 0; connection < POOL_MAX; connection++) {
      const error = await database.transaction('read committed', work).catch((thrown: unknown) => thrown)
      expect(databaseErrorCode(error, {})).toBe('DATABASE_UNAVAILABLE')
    }
    expect(new Set(pids).size).toBe(POOL_MAX)
    expect(await database.transaction('read committed', work)).toHaveLength(2)
  })
})

describe('P30: a column that gets another type under load', () => {
  it('fails no request outside a transaction, and one in a transaction is a 503 with Retry-After', async () => {
    const service = await createTestApp({ DATABASE_POOL_MAX: '1' }, app => {
      app.get('/in-transaction', () =>
        app.database.transaction('read committed', tx => {
          const query = tx.select({ email: sql`email` }).from(sql`users`)
          return query.prepare('emails').execute()
        }),
      )
    })
    try {
      const { accessToken: token } = await service.signUp()
      const many = () =>
        Promise.all(Array.from({ length: CLIENTS }, () => service.call('GET', '/api/v1/users/me', { token })))
      const inTransaction = () => service.app.inject('/in-transaction')
      for (const type of ['varchar(200)', 'text', 'varchar(201)']) {
        await many()
        expect((await inTransaction()).statusCode).toBe(200)
        const during = many()
        await service.database.query(`alter table users alter display_name type ${type}`)
        const answers = [...(await during), ...(await many())]
        expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
      }
      await inTransaction()
      await service.database.query('alter table users alter email type varchar(400)')
      const refused = await inTransaction()
      const problem = { status: refused.statusCode, headers: refused.headers, body: refused.body }
      expectProblem(problem, { status: 503, code: 'DATABASE_UNAVAILABLE' })
      expect(refused.headers['retry-after']).toBe('1')
      expect((await inTransaction()).statusCode).toBe(200)
    } finally {
      await service.close()
    }
  })
})
