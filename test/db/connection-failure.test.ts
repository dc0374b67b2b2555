/** The messages of pg that identify connection failures, each provoked for real: an update of pg may change them. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { explainConnectionFailure, isDriverFailure } from '../../src/db/connection-failure.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  )

it('explains a server without TLS', async () => {
  const client = new pg.Client({ connectionString: database.url, ssl: { rejectUnauthorized: false } })
  const failure = await failureOf(client.connect())
  expect(explainConnectionFailure(failure)).toContain('it does not offer TLS')
})

it('explains a connection string without a password', async () => {
  const url = Object.assign(new URL(database.url), { password: '' })
  const client = new pg.Client({ connectionString: url.href, password: '' })
  const failure = await failureOf(client.connect())
  // Else the server waits for the password, for a minute, and no database can be dropped meanwhile.
  await client.end()
  expect(explainConnectionFailure(failure)).toContain('it requires a password')
})

it('explains a server that accepts a connection and says nothing, to a client and to a pool', async () => {
  const silent = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const options = { host: '127.0.0.1', port, connectionTimeoutMillis: 100 }
  const failures = [
    await failureOf(new pg.Client(options).connect()),
    await failureOf(new pg.Pool(options).connect()),
  ]
  silent.close()
  expect(failures.map(explainConnectionFailure)).toEqual(Array(2).fill('it does not respond in time'))
})

it('explains a pool that gives no connection in time', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 2000 })
  const client = await pool.connect()
  const failure = await failureOf(pool.connect())
  client.release()
  await pool.end()
  expect(explainConnectionFailure(failure)).toBe('it does not respond in time')
})

it('recognizes a connection that ends during a statement, before one, and by our own end', async () => {
  const client = new pg.Client(database.url)
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query('select pg_backend_pid() as pid')
  // Not `once`, which rejects at an `error` before it.
  const ended = new Promise<void>(resolve => client.once('end', resolve))
  const during = failureOf(client.query('select pg_sleep(1)').then(() => client.query('select 1')))
  await database.query('select pg_terminate_backend($1)', [rows[0].pid])
  expect(await during).toBeInstanceOf(pg.DatabaseError)
  await ended
  const closed = new pg.Client(database.url)
  await closed.connect()
  const cut = failureOf(closed.query('select pg_sleep(1)'))
  await closed.end()
  const failures = [
    await failureOf(client.query('select 1')),
    await cut,
    await failureOf(closed.query('select 1')),
  ]
  expect(failures.map(isDriverFailure), failures.join('; ')).toEqual([true, true, true])
})

it('takes no other error for a connection that ended', () => {
  expect([new Error('x'), new pg.DatabaseError('x', 0, 'error'), undefined].map(isDriverFailure)).toEqual([
    false,
    false,
    false,
  ])
})
