/** Creates a database for a test file: a clone of the migrated template, or an empty one. */
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
  await asMaintenance(
    template,
    `create database ${name} template ${pg.escapeIdentifier(source)} strategy file_copy`,
  )
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
      await asMaintenance(template, `drop database ${name} with (force)`)
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

async function asMaintenance(template: URL, statement: string): Promise<void> {
  // Not over the template: it may have no other connection while it is cloned.
  const url = new URL(template)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
