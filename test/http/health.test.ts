/** Liveness sends no query; readiness queries the database, rarely and with a time limit (P22). */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import { findServers } from '../../src/db/embedded-process.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createAppOn, createTestApp, type TestApp } from '../helpers/app.ts'
import { block } from '../helpers/block.ts'
import { place, start, tidyAfterEach } from '../helpers/embedded.ts'
import { expectProblem } from '../helpers/problems.ts'

/** Readiness fails after 0.8 s; the next limit, of a statement, is 3.5 s. The machine may be busy. */
const BOUND_MS = 3000

async function queriesOf({ app }: Pick<TestApp, 'app'>): Promise<number> {
  const { values } = (await app.metrics.registry.getSingleMetric('db_queries_total')?.get()) ?? { values: [] }
  return values[0]?.value ?? 0
}

describe('P22: liveness and readiness', () => {
  let service: TestApp
  beforeAll(async () => {
    service = await createTestApp()
  })
  afterAll(() => service.close())

  it('liveness sends no query and opens no connection, for any number of requests', async () => {
    const connections = async () =>
      (
        await service.database.query(
          `select pid from pg_stat_activity where datname = current_database() and application_name = ${pg.escapeLiteral(SERVICE_NAME)}`,
        )
      ).rows
    expect(await connections()).toEqual([])
    const before = await queriesOf(service)
    const responses = await Promise.all(
      Array.from({ length: 200 }, () => service.call('GET', '/health/live')),
    )
    expect(responses.map(({ statusCode, body }) => `${statusCode} ${body}`)).toEqual(
      responses.map(() => '200 {"status":"ok"}'),
    )
    expect(await queriesOf(service)).toBe(before)
    expect(await connections()).toEqual([])
  })

  it('readiness sends one query for all requests at the same time, and at most one a second', async () => {
    const before = await queriesOf(service)
    const responses = await Promise.all(
      Array.from({ length: 100 }, () => service.call('GET', '/health/ready')),
    )
    expect(responses.every(({ statusCode }) => statusCode === 200)).toBe(true)
    expect((await queriesOf(service)) - before).toBe(1)

    const started = performance.now()
    while (performance.now() - started < 2300) {
      await service.call('GET', '/health/ready')
      await sleep(5)
    }
    const asked = (await queriesOf(service)) - before
    expect(asked).toBeGreaterThanOrEqual(2)
    expect(asked).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - started) / 1000))
  })

  it('readiness fails while the service drains, and liveness does not', async () => {
    const draining = await createTestApp()
    await draining.app.drain(0)
    const { statusCode, headers, body } = await draining.call('GET', '/health/ready')
    expectProblem({ status: statusCode, headers, body }, { status: 503, code: 'NOT_READY' })
    expect((await draining.call('GET', '/health/live')).statusCode).toBe(200)
    await draining.close()
  })
})

describe('P22: health without a database', () => {
  tidyAfterEach()

  it('liveness succeeds and readiness fails in time, while PostgreSQL is frozen or stopped; readiness recovers with it', async () => {
    const server = await start(await place())
    await migrate(server.url)
    const service = await createAppOn({ url: server.url, drop: async () => {} })
    const signalAll = async (signal: NodeJS.Signals) => {
      const { postmasters, children } = await findServers(`${server.directory}/data`)
      expect(postmasters).toContain(server.pid)
      for (const pid of [...postmasters, ...children]) process.kill(pid, signal)
    }

    await signalAll('SIGSTOP')
    await expectNotReady(service)
    await signalAll('SIGCONT')
    await expect
      .poll(async () => (await service.call('GET', '/health/ready')).statusCode, { timeout: 10_000 })
      .toBe(200)

    // Frozen again, until this process is blocked for longer than its limit: when it checks, the response has arrived.
    await sleep(1100)
    await signalAll('SIGSTOP')
    const asked = service.call('GET', '/health/ready')
    await sleep(50)
    await signalAll('SIGCONT')
    block(1200)
    expect((await asked).statusCode).toBe(200)

    await server.stop()
    await expect
      .poll(async () => (await service.call('GET', '/health/ready')).statusCode, { timeout: 10_000 })
      .toBe(503)
    await expectNotReady(service)
    await service.app.close()
  })
})

async function expectNotReady({ call }: Pick<TestApp, 'call'>): Promise<void> {
  const started = performance.now()
  const { statusCode, headers, body } = await call('GET', '/health/ready')
  expect(performance.now() - started).toBeLessThan(BOUND_MS)
  expectProblem({ status: statusCode, headers, body }, { status: 503, code: 'NOT_READY' })
  expect(headers['retry-after']).toBe('1')
  expect((await call('GET', '/health/live')).statusCode).toBe(200)
}
