/** A pool without a free connection: every request still gets a response in time (P19). */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTestApp, type TestApp } from '../helpers/app.ts'

const POOL_MAX = 2
const CONNECT_TIMEOUT_MS = 300
/** Queue, connection and statement; the rest is for a busy machine. */
const DEADLINE_MS = 300 + 300 + 400 + 2000

let service: TestApp
let user: Awaited<ReturnType<TestApp['signUp']>>

beforeAll(async () => {
  service = await createTestApp({
    DATABASE_POOL_MAX: String(POOL_MAX),
    DATABASE_CONNECT_TIMEOUT: `${CONNECT_TIMEOUT_MS}ms`,
    DATABASE_STATEMENT_TIMEOUT: '400ms',
    DATABASE_LOCK_TIMEOUT: '200ms',
  })
  // On a busy machine a new connection may take longer than the timeouts above allow.
  user = await vi.waitFor(() => service.signUp(), { timeout: 20_000 })
})
afterAll(() => service.close())

const readSelf = () => service.call('GET', '/api/v1/users/me', { token: user.accessToken })
const rename = () =>
  service.call('PUT', `/api/v1/users/${user.id}`, {
    token: user.accessToken,
    body: { displayName: 'Ada', email: user.email },
  })

async function expectUnavailable(request: () => ReturnType<typeof readSelf>): Promise<number> {
  const since = performance.now()
  const response = await request()
  const milliseconds = performance.now() - since
  expect(response.statusCode, response.body).toBe(503)
  expect(response.json()).toMatchObject({ code: 'DATABASE_UNAVAILABLE', status: 503 })
  expect(response.headers['retry-after']).toBe('1')
  expect(milliseconds).toBeLessThan(DEADLINE_MS)
  return milliseconds
}

async function expectRecovery(): Promise<void> {
  expect((await readSelf()).statusCode).toBe(200)
  expect((await rename()).statusCode).toBe(200)
  expect(service.app.database.pool.waitingCount).toBe(0)
  expect(service.app.database.pool.totalCount).toBeLessThanOrEqual(POOL_MAX)
}

describe('a pool without a free connection', () => {
  it('P19: responds with 503 at the connect timeout while every connection is in use', async () => {
    const { pool } = service.app.database
    const held = await Promise.all(Array.from({ length: POOL_MAX }, () => pool.connect()))
    const times = await Promise.all(Array.from({ length: 20 }, () => expectUnavailable(rename)))
    for (const milliseconds of times) {
      expect(milliseconds).toBeGreaterThanOrEqual(CONNECT_TIMEOUT_MS - 10)
    }
    expect((await service.call('GET', '/health/live')).statusCode).toBe(200)
    expect((await service.call('GET', '/health/ready')).statusCode).toBe(503)
    for (const client of held) client.release()
    await expectRecovery()
  })

  it('P19: responds with 503 in time while a lock on the table blocks every statement', async () => {
    const holder = await service.database.connect()
    await holder.query('begin; lock table users in access exclusive mode')
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => expectUnavailable(index % 2 ? rename : readSelf)),
    )
    expect((await service.call('GET', '/health/live')).statusCode).toBe(200)
    await holder.query('rollback')
    holder.release()
    await expectRecovery()
  })
})
