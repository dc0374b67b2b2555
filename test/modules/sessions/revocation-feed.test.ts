/** P4: the feed detects that notifications get lost, as behind some poolers; sessions are then checked in the database. */
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { CHANNEL, createRevocationFeed } from '../../../src/modules/sessions/revocation-feed.ts'
import { createAppOn, createTestApp, type TestApp } from '../../helpers/app.ts'
import { cloneDatabase, databaseOfTest, type TestDatabase } from '../../helpers/database.ts'
import { hasPgBouncer, startPgBouncer } from '../../helpers/pgbouncer.ts'
import { openSessions } from '../../helpers/sessions.ts'
import { startNotificationProxy } from '../../helpers/tcp-proxy.ts'
import { until } from '../../helpers/until.ts'

/** Opens a feed, and collects its notifications and its log lines at `warn` and above. */
async function startFeed(urls: { listenUrl: string; notifyUrl: string }) {
  const lines: string[] = []
  const received: string[] = []
  const feed = createRevocationFeed({
    ...urls,
    onPayload: payload => received.push(payload),
    load: async () => {},
    log: pino({ level: 'warn' }, { write: line => void lines.push(line) }),
  })
  onTestFinished(feed.close)
  await feed.open()
  return { feed, lines, received }
}

describe('the heartbeat', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await cloneDatabase()
  })
  afterAll(() => database.drop())

  it('succeeds on a direct connection to the server', async () => {
    const { feed, lines, received } = await startFeed({ listenUrl: database.url, notifyUrl: database.url })
    expect(feed.isCurrent()).toBe(true)
    await database.query('select pg_notify($1, $2)', [CHANNEL, 'a payload'])
    await until('the payload arrives', () => received.includes('a payload'))
    await sleep(1500)
    expect(feed.isCurrent()).toBe(true)
    // The heartbeats are not reported as revocations.
    expect(received).toEqual(['a payload'])
    expect(lines).toEqual([])
  })

  if (hasPgBouncer()) {
    it('fails through PgBouncer that pools transactions, and one log line says what to set', async () => {
      const pooler = await startPgBouncer(database.url)
      onTestFinished(pooler.stop)
      const { feed, lines } = await startFeed({ listenUrl: pooler.url, notifyUrl: pooler.url })
      const end = performance.now() + 7000
      while (performance.now() < end) {
        expect(feed.isCurrent()).toBe(false)
        await sleep(20)
      }
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain('DATABASE_DIRECT_URL')
    })

    it('succeeds behind PgBouncer when the feed listens on a direct connection', async () => {
      const pooler = await startPgBouncer(database.url)
      onTestFinished(pooler.stop)
      const { feed, lines } = await startFeed({ listenUrl: database.url, notifyUrl: pooler.url })
      await sleep(1000)
      expect(feed.isCurrent()).toBe(true)
      expect(lines).toEqual([])
    })
  }

  it('fails when the feed listens to another database than the service uses', async () => {
    const other = await databaseOfTest()
    const { feed, lines } = await startFeed({ listenUrl: other.url, notifyUrl: database.url })
    expect(feed.isCurrent()).toBe(false)
    expect(lines.join()).toContain('DATABASE_DIRECT_URL')
  })

  it('fails within a second when notifications stop, and succeeds again with them', async () => {
    let isDropping = false
    const proxy = await startNotificationProxy(database.url, () => (isDropping ? undefined : 0))
    onTestFinished(proxy.close)
    const { feed, lines } = await startFeed({ listenUrl: proxy.url, notifyUrl: database.url })
    expect(feed.isCurrent()).toBe(true)
    isDropping = true
    await sleep(1000)
    expect(feed.isCurrent()).toBe(false)
    await until('the line is written', () => lines.length === 1)
    isDropping = false
    await until('the feed is back', feed.isCurrent)
  })

  it.each([
    ['two seconds late', () => 2000],
    ['only now and then', (count: number) => (count % 3 === 2 ? 0 : undefined)],
  ])('does not last when notifications arrive %s', async (_how, fate) => {
    const proxy = await startNotificationProxy(database.url, fate)
    onTestFinished(proxy.close)
    const { feed, lines } = await startFeed({ listenUrl: proxy.url, notifyUrl: database.url })
    let current = 0
    for (let turn = 0; turn < 100; turn += 1) {
      if (feed.isCurrent()) current += 1
      await sleep(20)
    }
    // A received heartbeat counts for less than a second.
    expect(current).toBeLessThan(50)
    expect(lines.length).toBeGreaterThan(0)
  })
})

describe('an instance that loses every notification', () => {
  let service: TestApp
  let isolated: Awaited<ReturnType<typeof createAppOn>>
  let proxy: Awaited<ReturnType<typeof startNotificationProxy>>

  beforeAll(async () => {
    service = await createTestApp()
    proxy = await startNotificationProxy(service.database.url, () => undefined)
    isolated = await createAppOn({ url: proxy.url, drop: async () => {} }, { LOG_LEVEL: 'warn' })
  })
  afterAll(async () => {
    await isolated.close()
    proxy.close()
    await service.close()
  })

  it('P4: refuses 30 of 30 tokens whose sessions were ended by another instance', async () => {
    const users = await Promise.all(Array.from({ length: 30 }, () => service.signUp()))
    const readSelf = async (token: string) =>
      (await isolated.call('GET', '/api/v1/users/me', { token })).statusCode
    for (const { accessToken } of users) expect(await readSelf(accessToken)).toBe(200)
    for (const { accessToken } of users) {
      await service.call('POST', '/api/v1/auth/logout', { token: accessToken })
      expect(await readSelf(accessToken)).toBe(401)
    }
    expect(isolated.log.filter(line => line.includes('DATABASE_DIRECT_URL'))).toHaveLength(1)
  })

  it('P4: refuses the tokens of a user whose sessions were all ended by another instance', async () => {
    const user = await service.signUp()
    await openSessions(service.database, user.id, 3)
    const other = await service.logIn(user.email)
    const readSelf = async (token: string) =>
      (await isolated.call('GET', '/api/v1/users/me', { token })).statusCode
    expect(await readSelf(user.accessToken)).toBe(200)
    const ended = await service.call('DELETE', '/api/v1/auth/sessions', { token: other.accessToken })
    expect(ended.statusCode).toBe(204)
    expect(await readSelf(user.accessToken)).toBe(401)
    expect(await readSelf(other.accessToken)).toBe(200)
  })
})
