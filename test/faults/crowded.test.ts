/** A role, a database or a server that allows fewer connections than the pool: requests wait for the open ones. */
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Database } from '../../src/db/client.ts'
import { databaseErrorCode } from '../../src/db/errors.ts'
import { createTestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'

const LIMIT = 5
const POOL_MAX = 10

/** Enough to use, and to wait for, every connection many times. */
const CALLS = 300

const ROLE = `crowded_${randomBytes(6).toString('hex')}`

let outside: TestDatabase
let url: string

beforeAll(async () => {
  outside = await cloneDatabase()
  const password = randomBytes(12).toString('hex')
  await outside.query(`create role ${ROLE} login password '${password}'`)
  await outside.query(`grant pg_read_all_data, pg_write_all_data to ${ROLE}`)
  const own = Object.assign(new URL(outside.url), { username: ROLE, password })
  url = own.href
  return async () => {
    await outside.query(`drop role ${ROLE}`)
    await outside.drop()
  }
})

const limitRole = (limit: number) => outside.query(`alter role ${ROLE} connection limit ${limit}`)
const limitDatabase = (limit: number) =>
  outside.query(`alter database ${new URL(url).pathname.slice(1)} connection limit ${limit}`)

/** A pool of the role, and its reports. */
function open(connectTimeout: string) {
  const reports: string[] = []
  const config = testConfig(url, {
    DATABASE_POOL_MAX: String(POOL_MAX),
    DATABASE_CONNECT_TIMEOUT: connectTimeout,
  })
  const database = createDatabase(config.database, {
    onError: () => {},
    onQuery: (_text, run) => run(),
    onWait: () => {},
    onCrowded: () => reports.push('crowded'),
    onUnreachable: () => {},
    onReachable: () => {},
  })
  return { database, reports }
}

/** Statements and transactions, all at once. */
function load(database: Database, calls = CALLS): Promise<unknown>[] {
  return Array.from({ length: calls }, (_, index) =>
    index % 2
      ? database.pool.query('select pg_sleep(0.002)')
      : database.transaction('read committed', tx => tx.execute('select pg_sleep(0.002)')),
  )
}

describe.for<[string, (limit: number) => Promise<unknown>]>([
  ['a role', limitRole],
  ['a database', limitDatabase],
])('%s that may have fewer connections than the pool', ([, limit]) => {
  it('fails no request: they wait for the open connections', async () => {
    // The limit of a database applies to roles that are not superusers, as this one.
    await limit(LIMIT)
    const { database, reports } = open('20s')
    try {
      for (let round = 0; round < 3; round++) {
        const outcomes = await Promise.allSettled(load(database))
        expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
      }
      expect(database.pool.totalCount).toBeLessThanOrEqual(LIMIT)
      expect(database.pool.waitingCount).toBe(0)
      expect(reports).toHaveLength(1)
    } finally {
      await database.close()
      await limit(-1)
    }
  })

  it('fails with DATABASE_UNAVAILABLE within the timeout where it may have none', async () => {
    await limit(0)
    const { database, reports } = open('2s')
    try {
      const since = performance.now()
      const outcomes = await Promise.allSettled(load(database, 30))
      // The wait, and as much again for a busy machine, three times.
      expect(performance.now() - since).toBeLessThan(8000)
      for (const outcome of outcomes) {
        const { reason } = outcome as PromiseRejectedResult
        expect(databaseErrorCode(reason, {}), String(reason)).toBe('DATABASE_UNAVAILABLE')
      }
      expect(reports).toHaveLength(1)
      await limit(-1)
      await database.pool.query('select 1')
    } finally {
      await database.close()
      await limit(-1)
    }
  })
})

it('lets every write of the service succeed, with one log line', async () => {
  await limitRole(LIMIT)
  const service = await createTestApp({
    DATABASE_URL: url,
    DATABASE_POOL_MAX: String(POOL_MAX),
    LOG_LEVEL: 'info',
  })
  try {
    const user = await service.signUp()
    const rename = () =>
      service.call('PUT', `/api/v1/users/${user.id}`, {
        token: user.accessToken,
        body: { displayName: 'Ada', email: user.email },
      })
    const responses = await Promise.all(Array.from({ length: 200 }, rename))
    expect(responses.filter(({ statusCode }) => statusCode !== 200)).toEqual([])
    expect(service.log.filter(line => line.includes('takes no more connections'))).toHaveLength(1)
  } finally {
    await service.close()
    await limitRole(-1)
  }
})
