/** Rate limits in one process: they hold for any forwarded address, and health probes are never refused (P16). */
import type { InjectOptions } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { createTestApp, PASSWORD } from '../helpers/app.ts'
import { expectProblem } from '../helpers/problems.ts'

const MAX = 5
const MINUTE = 60_000

// The clock alone: a window must not end because the machine is busy.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

async function start(overrides: Environment = {}) {
  const service = await createTestApp({ RATE_LIMIT_MAX: String(MAX), ...overrides })
  onTestFinished(service.close)

  async function statusOf(request: InjectOptions): Promise<number> {
    return (await service.app.inject(request)).statusCode
  }

  /** Sends requests until one is refused, and returns how many were allowed. */
  async function countAllowed(next: (i: number) => InjectOptions, most = 30): Promise<number> {
    for (let i = 0; i < most; i++) if ((await statusOf(next(i))) === 429) return i
    return most
  }

  return { ...service, statusOf, countAllowed }
}

const from = (remoteAddress: string, forwardedFor?: string): InjectOptions => ({
  url: '/.well-known/jwks.json',
  remoteAddress,
  ...(forwardedFor !== undefined && { headers: { 'x-forwarded-for': forwardedFor } }),
})

const login = (email: string, remoteAddress = '192.0.2.1', password = 'wrong password'): InjectOptions => ({
  method: 'POST',
  url: '/api/v1/auth/login',
  remoteAddress,
  payload: { email, password },
})

describe('P16: the limit of a client', () => {
  it('refuses request N+1 with 429 and the seconds to wait, until the window has passed', async () => {
    const { app, statusOf, countAllowed } = await start()
    expect(await countAllowed(() => from('192.0.2.1'))).toBe(MAX)

    vi.setSystemTime(Date.now() + MINUTE - 10_000)
    const { statusCode, headers, body } = await app.inject(from('192.0.2.1'))
    expectProblem({ status: statusCode, headers, body }, { status: 429, code: 'TOO_MANY_REQUESTS' })
    expect(headers['retry-after']).toBe('10')

    vi.setSystemTime(Date.now() + 9999)
    expect(await statusOf(from('192.0.2.1'))).toBe(429)
    vi.setSystemTime(Date.now() + 1)
    expect(await countAllowed(() => from('192.0.2.1'))).toBe(MAX)
  })

  it('counts each client separately', async () => {
    const { countAllowed } = await start()
    for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
      expect(await countAllowed(() => from(address))).toBe(MAX)
  })

  it.each<[string, (i: number) => InjectOptions]>([
    ['404s', i => ({ url: `/nowhere/${i}` })],
    ['405s', () => ({ method: 'DELETE', url: '/health/live' })],
    ['URLs that cannot be decoded', i => ({ url: `/%ff${i}` })],
    ['URLs that are too long', i => ({ url: `/api/v1/users/${'a'.repeat(200)}${i}` })],
    ['requests without a token', () => ({ url: '/api/v1/users/me' })],
    [
      'bodies that cannot be read',
      () => ({
        method: 'POST',
        url: '/api/v1/auth/refresh',
        payload: '{',
        headers: { 'content-type': 'application/json' },
      }),
    ],
    [
      'a mixture of routes and methods',
      i => ({ url: ['/openapi.json', '/docs/', '/nowhere', '/.well-known/jwks.json'][i % 4] ?? '' }),
    ],
  ])('counts %s as well', async (_name, next) => {
    const { countAllowed } = await start()
    expect(await countAllowed(next)).toBe(MAX)
  })

  it('never refuses probes, for any number of them, also of a client that has used up its limit', async () => {
    const { countAllowed } = await start({ METRICS_TOKEN: 'a metrics token of the tests' })
    await countAllowed(() => ({ url: '/nowhere' }))
    const headers = { authorization: 'Bearer a metrics token of the tests' }
    for (const url of ['/health/live', '/health/ready', '/metrics']) {
      expect(await countAllowed(() => ({ url, headers }))).toBe(30)
      expect(await countAllowed(() => ({ method: 'HEAD', url, headers }))).toBe(30)
    }
  })
})

describe('P16: the client', () => {
  it('is the peer, for any X-Forwarded-For, where no proxy is trusted', async () => {
    const { countAllowed } = await start()
    expect(await countAllowed(i => from('192.0.2.1', `198.51.100.${i}`))).toBe(MAX)
  })

  it('is the last address from a trusted proxy that is no proxy itself; the addresses before it do not count', async () => {
    const { countAllowed } = await start({ TRUST_PROXY: '10.0.0.0/8, fd00::/8' })
    expect(await countAllowed(i => from('10.0.0.1', `198.51.100.${i}`))).toBe(30)
    expect(await countAllowed(i => from('10.0.0.1', `198.51.100.${i}, 203.0.113.7`))).toBe(MAX)
    expect(await countAllowed(i => from('fd00::1', `198.51.100.${i}, 203.0.113.8, 10.9.9.9`))).toBe(MAX)
  })

  it('is the peer, where it is not one of the trusted proxies', async () => {
    const { countAllowed } = await start({ TRUST_PROXY: '10.0.0.0/8' })
    expect(await countAllowed(i => from('11.0.0.1', `198.51.100.${i}`))).toBe(MAX)
  })

  it.each([
    '',
    ',',
    'unknown',
    '_hidden',
    '999.1.1.1',
    '203.0.113.7:1234',
    '[2001:db8::1]:80',
    'a'.repeat(2000),
  ])('may be anything that a proxy says, as "%s", and does no harm', async forwardedFor => {
    const { statusOf } = await start({ TRUST_PROXY: '10.0.0.0/8' })
    expect(await statusOf(from('10.0.0.1', forwardedFor))).toBe(200)
  })

  it('is a whole /64 of IPv6, and one IPv4 address in any spelling', async () => {
    const { countAllowed } = await start()
    expect(await countAllowed(i => from(`2001:db8:0:1::${i + 1}`))).toBe(MAX)
    expect(await countAllowed(i => from(`2001:db8:0:${i + 2}::1`))).toBe(30)
    expect(await countAllowed(i => from(i % 2 === 0 ? '192.0.2.9' : '::ffff:192.0.2.9'))).toBe(MAX)
  })
})

describe('P16: stricter limits', () => {
  const strict = { RATE_LIMIT_MAX: '1000', LOGIN_RATE_LIMIT_MAX: '3', REGISTER_RATE_LIMIT_MAX: '2' }

  it('count logins by client and account: another account or another client is not affected', async () => {
    const { countAllowed, statusOf, signUp } = await start(strict)
    const { email } = await signUp({ email: 'ada@example.com' })
    expect(await countAllowed(i => login(i % 2 === 0 ? email : email.toUpperCase()))).toBe(3)
    expect(await statusOf(login(email, '192.0.2.1', PASSWORD))).toBe(429)
    expect(await statusOf(login('unknown@example.com'))).toBe(401)
    expect(await statusOf(login(email, '192.0.2.2', PASSWORD))).toBe(200)
    vi.setSystemTime(Date.now() + MINUTE)
    expect(await statusOf(login(email, '192.0.2.1', PASSWORD))).toBe(200)
  })

  it('count unknown accounts as they count known ones', async () => {
    const { countAllowed } = await start(strict)
    expect(await countAllowed(() => login('unknown@example.com'))).toBe(3)
  })

  it('refuse a login before its password is hashed, and before it is recorded', async () => {
    const { app, database, countAllowed } = await start(strict)
    await countAllowed(() => login('unknown@example.com'))
    const count = async () =>
      (await database.query('select count(*)::int as count from audit_events')).rows[0].count
    const before = await count()
    const { body } = await app.inject(login('unknown@example.com'))
    expect(JSON.parse(body).code).toBe('TOO_MANY_REQUESTS')
    expect(await count()).toBe(before)
  })

  it('count registrations by client, for any e-mail address, valid or not', async () => {
    const { countAllowed } = await start(strict)
    const register =
      (remoteAddress: string) =>
      (i: number): InjectOptions => ({
        method: 'POST',
        url: '/api/v1/auth/register',
        remoteAddress,
        payload: {
          email: i % 2 === 0 ? `user-${i}@example.com` : '',
          password: PASSWORD,
          displayName: 'Ada',
        },
      })
    expect(await countAllowed(register('192.0.2.1'))).toBe(2)
    expect(await countAllowed(register('192.0.2.2'))).toBe(2)
  })

  it('count password changes by user', async () => {
    const { countAllowed, signUp } = await start(strict)
    const { accessToken } = await signUp()
    const payload = { currentPassword: 'wrong password', newPassword: 'a fairly long new password' }
    const headers = { authorization: `Bearer ${accessToken}` }
    expect(
      await countAllowed(() => ({ method: 'PUT', url: '/api/v1/auth/password', headers, payload })),
    ).toBe(3)
  })
})
