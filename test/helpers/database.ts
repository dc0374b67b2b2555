/** Creates a database for a test file: a clone of the migrated template, or an empty one. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'

let count = 0

export type TestDatabase = {
  url: string
  query: pg.Pool['query']
  /** A connection that the caller releases. */
  connect: () => Promise<pg.PoolClient>
  drop: () => Promise<void>
}

/** Clones the template. The caller drops the clone. `query` runs a statement on it, without the service. */
export function cloneDatabase(): Promise<TestDatabase> {
  return createDatabaseFrom(decodeURIComponent(new URL(inject('templateUrl')).pathname.slice(1)))
}

async function createDatabaseFrom(source: string): Promise<TestDatabase> {
  const template = new URL(inject('templateUrl'))
  count += 1
  const name = `test_${process.pid}_${process.env.VITEST_WORKER_ID ?? 0}_${count}_${Date.now().toString(36)}`
  const create = `create database ${name} template ${pg.escapeIdentifier(source)} strategy file_copy`
  await asMaintenance(template, client => client.query(create))
  const url = new URL(template)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 4 })
  pool.on('error', () => {
    // Some tests end the connections of a database on purpose.
  })
  return {
    url: url.href,
    query: pool.query.bind(pool) as pg.Pool['query'],
    connect: () => pool.connect(),
    async drop() {
      await pool.end()
      await asMaintenance(template, client => dropDatabase(client, name))
    },
  }
}

/** Creates a database without tables. The caller drops it. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabaseFrom('template0')
}

/** Clones the template for the running test, which drops the clone at its end. */
export async function databaseOfTest(): Promise<TestDatabase> {
  const database = await cloneDatabase()
  onTestFinished(database.drop)
  return database
}

/** Creates a database without tables for the running test, which drops it at its end. */
export async function emptyDatabaseOfTest(): Promise<TestDatabase> {
  const database = await createEmptyDatabase()
  onTestFinished(database.drop)
  return database
}

/** How long connections that have been ended may take to close, on a busy machine. */
const CLOSE_TIMEOUT_MS = 1000

/**
 * A pool's end does not wait for its connections to close. A connection that the server ends meanwhile is an error that no
 * one expects any more.
 */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  const deadline = performance.now() + CLOSE_TIMEOUT_MS
  const isInUse = async () => {
    const { rowCount } = await client.query('select from pg_stat_activity where datname = $1', [name])
    return rowCount !== 0
  }
  while ((await isInUse()) && performance.now() < deadline) await sleep(10)
  await client.query(`drop database ${name} with (force)`)
}

async function asMaintenance(template: URL, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  // Not over the template: it may have no other connection while it is cloned.
  const url = new URL(template)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
