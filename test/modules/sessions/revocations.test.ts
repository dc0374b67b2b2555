/** P4: the feed of ended sessions is current without queries, knows when it is down, and recovers. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { createRevocations, type Revocations } from '../../../src/modules/sessions/revocations.ts'
import { createAppOn } from '../../helpers/app.ts'
import { block } from '../../helpers/block.ts'
import { databaseOfTest, type TestDatabase } from '../../helpers/database.ts'
import { openGate } from '../../helpers/tcp-proxy.ts'
import { claimsOf } from '../../helpers/tokens.ts'
import { expectRefusedEverywhere, startTwoInstances, type TwoInstances } from '../../helpers/two-instances.ts'

const FEED = `select pid from pg_stat_activity
  where application_name = ${pg.escapeLiteral(`${SERVICE_NAME}-revocations`)} and datname = current_database()`
const KILL = `select pg_terminate_backend(pid) from (${FEED})`

const revoke = (database: TestDatabase, sessionId: string) =>
  database.query('update sessions set revoked_at = clock_timestamp() where id = $1', [sessionId])

/** Inserts a user with `count` sessions, and returns their ids. */
async function insertSessions(database: TestDatabase, count: number, revokedAt = 'null'): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `with owner as (
       insert into users (email, password_hash, display_name)
       values (gen_random_uuid() || '@example.com', '', 'x') returning id)
     insert into sessions (user_id, idle_expires_at, expires_at, ip, user_agent, revoked_at)
     select owner.id, now() + interval '1 day', now() + interval '1 day', '', '', ${revokedAt}
     from owner, generate_series(1, $1) returning id`,
    [count],
  )
  return rows.map(row => row.id)
}

/** A user whose sessions did not all end: only the single session matters. */
const sub = crypto.randomUUID()
const isRevoked = (feed: Pick<Revocations, 'isRevoked'>, sid: string) => feed.isRevoked({ sid, sub })

/** Opens a feed on its own database, and records the sessions that it looked up there. */
async function startFeed(retention = 900_000) {
  const database = await databaseOfTest()
  const lookedUp: string[] = []
  const feed = createRevocations({
    urls: { listenUrl: database.url, notifyUrl: database.url },
    retention,
    log: pino({ level: 'silent' }),
    async isRevokedInDatabase(sessionId) {
      lookedUp.push(sessionId)
      const { rows } = await database.query('select revoked_at from sessions where id = $1', [sessionId])
      return rows[0]?.revoked_at !== null
    },
  })
  onTestFinished(feed.close)
  await feed.open()
  return { database, feed, lookedUp }
}

const until = (holds: () => unknown, timeout = 10_000) => expect.poll(holds, { timeout, interval: 5 })

describe('over two processes', () => {
  let instances: TwoInstances

  beforeAll(async () => {
    instances = await startTwoInstances()
  })
  afterAll(() => instances.stop())

  it('P4: a session that is ended by plain SQL is refused everywhere within a second', async () => {
    const { accessToken } = await instances.clients[0].signUp()
    await revoke(instances.database, claimsOf(accessToken).sid)
    await expectRefusedEverywhere(instances.clients, accessToken, Date.now())
  })

  it('P4: a session that is ended while every feed is killed is refused everywhere within a second', async () => {
    const { accessToken } = await instances.clients[0].signUp()
    const killed = await instances.database.query(KILL)
    expect(killed.rows).toHaveLength(2)
    await revoke(instances.database, claimsOf(accessToken).sid)
    await expectRefusedEverywhere(instances.clients, accessToken, Date.now())
  })

  it('P4: a session that is ended while a feed is frozen is refused everywhere within a second', async () => {
    const { accessToken } = await instances.clients[0].signUp()
    await until(async () => (await instances.database.query(FEED)).rows.length).toBe(2)
    const { rows } = await instances.database.query<{ pid: number }>(FEED)
    try {
      for (const { pid } of rows) process.kill(pid, 'SIGSTOP')
      await revoke(instances.database, claimsOf(accessToken).sid)
      await expectRefusedEverywhere(instances.clients, accessToken, Date.now())
    } finally {
      for (const { pid } of rows) process.kill(pid, 'SIGCONT')
    }
  })

  it('a live session is accepted the whole time', async () => {
    const { accessToken } = await instances.clients[0].signUp()
    await instances.database.query(KILL)
    for (let turn = 0; turn < 40; turn += 1) {
      for (const client of instances.clients) {
        const response = await client.call('GET', '/api/v1/users/me', { token: accessToken })
        expect(response.statusCode).toBe(200)
      }
      await sleep(20)
    }
  })
})

describe('P4: the feed', () => {
  it('knows the sessions that ended before it started, and learns of later ends without a query', async () => {
    const { database, feed, lookedUp } = await startFeed()
    const [first = '', second = ''] = await insertSessions(database, 2)
    expect(await isRevoked(feed, first)).toBe(false)
    await revoke(database, first)
    await until(() => isRevoked(feed, first)).toBe(true)
    expect(isRevoked(feed, second)).toBe(false)
    expect(lookedUp).toEqual([])

    const restarted = createRevocations({
      urls: { listenUrl: database.url, notifyUrl: database.url },
      retention: 900_000,
      isRevokedInDatabase: () => Promise.reject(new Error('not expected')),
      log: pino({ level: 'silent' }),
    })
    onTestFinished(restarted.close)
    await restarted.open()
    expect([isRevoked(restarted, first), isRevoked(restarted, second)]).toEqual([true, false])
  })

  it('receives a thousand sessions that end at once', async () => {
    const { database, feed, lookedUp } = await startFeed()
    const ids = await insertSessions(database, 1000)
    await database.query('update sessions set revoked_at = now()')
    await until(() => ids.every(id => isRevoked(feed, id) === true)).toBe(true)
    expect(lookedUp).toEqual([])
  })

  it('receives nothing about a session whose end was rolled back', async () => {
    const { database, feed } = await startFeed()
    const [kept = '', ended = ''] = await insertSessions(database, 2)
    await database.query(
      `do $$ begin
         begin
           update sessions set revoked_at = now() where id = '${kept}';
           raise exception 'no';
         exception when others then null;
         end;
       end $$`,
    )
    await revoke(database, ended)
    await until(() => isRevoked(feed, ended)).toBe(true)
    expect(isRevoked(feed, kept)).toBe(false)
  })

  it('checks the database while its connection is lost, and then catches up', async () => {
    const { database, feed, lookedUp } = await startFeed()
    const [first = '', second = ''] = await insertSessions(database, 2)
    await database.query(KILL)
    await until(feed.isCurrent).toBe(false)
    await revoke(database, first)
    expect(await isRevoked(feed, first)).toBe(true)
    expect(await isRevoked(feed, second)).toBe(false)
    expect(lookedUp).toEqual([first, second])

    await until(feed.isCurrent).toBe(true)
    expect([isRevoked(feed, first), isRevoked(feed, second)]).toEqual([true, false])
    expect(lookedUp).toHaveLength(2)
  })

  it('counts as down while its server process is frozen, and is replaced', async () => {
    const { database, feed } = await startFeed()
    const { rows } = await database.query<{ pid: number }>(FEED)
    const pid = rows[0]?.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    try {
      const frozenAt = performance.now()
      await until(feed.isCurrent).toBe(false)
      expect(performance.now() - frozenAt).toBeLessThan(1000)
      await until(feed.isCurrent).toBe(true)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    // The abandoned server process ends when it continues.
    await until(async () => (await database.query(FEED)).rows.length).toBe(1)
  })

  it('does not count as down after our own process was busy', async () => {
    const { query } = pg.Client.prototype
    let beats = 0
    const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function standStill(
      this: pg.Client,
      ...args: unknown[]
    ) {
      const result = query.apply(this, args as Parameters<typeof query>)
      // After the turn of the event loop that sends a heartbeat: timers run next, and sockets after them.
      if (String(args[0]).includes('pg_notify')) setImmediate(standFor, 400)
      return result
    })
    onTestFinished(() => spy.mockRestore())
    function standFor(milliseconds: number) {
      beats += 1
      block(milliseconds)
    }
    const { feed } = await startFeed()
    while (beats < 3) {
      await nextTurn()
      expect(feed.isCurrent()).toBe(true)
    }
  })

  it('forgets sessions whose tokens have expired', async () => {
    const { feed, database } = await startFeed(5000)
    const [remembered = '', forgotten = ''] = [
      ...(await insertSessions(database, 1)),
      ...(await insertSessions(database, 1, "now() - interval '1 hour'")),
    ]
    expect(isRevoked(feed, forgotten)).toBe(false)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const pruned = createRevocations({
      urls: { listenUrl: database.url, notifyUrl: database.url },
      retention: 90_000,
      isRevokedInDatabase: () => Promise.resolve(false),
      log: pino({ level: 'silent' }),
    })
    onTestFinished(pruned.close)
    await pruned.open()
    pruned.add({ sessionIds: [remembered] })
    vi.advanceTimersByTime(60_001)
    expect(isRevoked(pruned, remembered)).toBe(true)
    vi.advanceTimersByTime(60_001)
    expect(await isRevoked(pruned, remembered)).toBe(false)
  })

  it('remembers ended sessions while the wall clock is an hour fast, and after its correction', async () => {
    const { database } = await startFeed()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const feed = createRevocations({
      urls: { listenUrl: database.url, notifyUrl: database.url },
      retention: 900_000,
      isRevokedInDatabase: () => Promise.reject(new Error('not expected')),
      log: pino({ level: 'silent' }),
    })
    onTestFinished(feed.close)
    await feed.open()
    const [ended = ''] = await insertSessions(database, 1)
    await revoke(database, ended)
    await until(() => isRevoked(feed, ended)).toBe(true)
    const now = Date.now()
    for (const clock of [now + 3_600_000, now - 3_600_000, now]) {
      vi.setSystemTime(clock)
      vi.advanceTimersByTime(120_000)
      expect(isRevoked(feed, ended)).toBe(true)
    }
  })
})

it('P4: with feed and database down, every token gets 503, and 200 again when they are back', async () => {
  const database = await databaseOfTest()
  const gate = await openGate(database.url)
  onTestFinished(gate.close)
  const service = await createAppOn(
    { url: gate.url, drop: async () => {} },
    { DATABASE_CONNECT_TIMEOUT: '2s' },
  )
  onTestFinished(service.close)
  const { accessToken } = await service.signUp()
  const me = async () =>
    (await service.call('GET', '/api/v1/auth/sessions', { token: accessToken })).statusCode
  expect(await me()).toBe(200)

  gate.shut()
  await until(service.app.revocations.isCurrent).toBe(false)
  const response = await service.call('GET', '/api/v1/users/me', { token: accessToken })
  expect(response.statusCode).toBe(503)
  expect(response.headers['retry-after']).toBe('1')
  expect(response.json().code).toBe('DATABASE_UNAVAILABLE')

  gate.open()
  await until(me, 25_000).toBe(200)
  await until(service.app.revocations.isCurrent, 25_000).toBe(true)
})
