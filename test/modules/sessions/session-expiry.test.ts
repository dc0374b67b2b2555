/** P5: sessions expire after a pause, and at an absolute limit. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAppOn, createTestApp, type TestApp, type Tokens } from '../../helpers/app.ts'
import { claimsOf } from '../../helpers/tokens.ts'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
})
afterAll(() => service.close())

/** Sets a limit of a session to `seconds` from now. */
async function moveLimit({ accessToken }: Tokens, column: 'idle_expires_at' | 'expires_at', seconds: number) {
  const { rowCount } = await service.database.query(
    `update sessions set ${column} = now() + make_interval(secs => $2) where id = $1`,
    [claimsOf(accessToken).sid, seconds],
  )
  expect(rowCount).toBe(1)
}

async function limitsOf({ accessToken }: Tokens) {
  const { rows } = await service.database.query<{ idle: Date; absolute: Date; now: Date }>(
    'select idle_expires_at as idle, expires_at as absolute, now() as now from sessions where id = $1',
    [claimsOf(accessToken).sid],
  )
  const [row] = rows
  if (!row) throw new Error('no such session')
  return row
}

it('P5: a session ends when it is not used for too long', async () => {
  const tokens = await service.signUp()
  await moveLimit(tokens, 'idle_expires_at', -0.001)
  const response = await service.refresh(tokens.refreshToken)
  expect(response.statusCode).toBe(401)
  expect(response.json().code).toBe('INVALID_REFRESH_TOKEN')
})

it('P5: a session ends at its absolute limit, also when it was just used', async () => {
  const tokens = await service.signUp()
  const used = await service.refresh(tokens.refreshToken)
  await moveLimit(tokens, 'expires_at', -0.001)
  expect((await service.refresh(used.json().refreshToken)).statusCode).toBe(401)
  // A retry of the last refresh is refused too.
  expect((await service.refresh(tokens.refreshToken)).statusCode).toBe(401)
})

it('P5: a refresh moves the idle limit, never the absolute one', async () => {
  const tokens = await service.signUp()
  const before = await limitsOf(tokens)
  await moveLimit(tokens, 'idle_expires_at', 60)
  await service.refresh(tokens.refreshToken)
  const after = await limitsOf(tokens)
  expect(after.absolute).toEqual(before.absolute)
  expect(after.idle.getTime() - before.idle.getTime()).toBeGreaterThanOrEqual(0)
  expect(before.idle.getTime() - before.now.getTime()).toBeGreaterThan(13.9 * 86_400_000)
})

it('P5: the idle limit is never later than the absolute one', async () => {
  let tokens: Tokens = await service.signUp()
  await moveLimit(tokens, 'expires_at', 3600)
  for (let turn = 0; turn < 3; turn += 1) {
    tokens = (await service.refresh(tokens.refreshToken)).json()
    const { idle, absolute } = await limitsOf(tokens)
    expect(idle).toEqual(absolute)
  }
})

it('P5: an access token ends with its session, if that is sooner', async () => {
  const tokens = await service.signUp()
  await moveLimit(tokens, 'expires_at', 90)
  const refreshed: Tokens = (await service.refresh(tokens.refreshToken)).json()
  const { absolute } = await limitsOf(tokens)
  const { iat, exp } = claimsOf(refreshed.accessToken)
  expect(exp).toBe(Math.floor(absolute.getTime() / 1000))
  expect(refreshed.expiresIn).toBe(exp - iat)
  expect(refreshed.expiresIn).toBeLessThanOrEqual(90)
})

it('P5: an access token ends with the idle limit, if that is sooner', async () => {
  const short = await createAppOn(
    { ...service.database, drop: async () => {} },
    { REFRESH_TOKEN_TTL: '60s', SESSION_TTL: '1h' },
  )
  try {
    const tokens = await short.signUp()
    expect(tokens.expiresIn).toBeLessThanOrEqual(60)
    expect((await short.refresh(tokens.refreshToken)).json().expiresIn).toBeLessThanOrEqual(60)
  } finally {
    await short.close()
  }
})

it('P5: a session ends at its absolute limit, also when the idle limit is longer', async () => {
  const short = await createAppOn(
    { ...service.database, drop: async () => {} },
    { REFRESH_TOKEN_TTL: '14d', SESSION_TTL: '5m' },
  )
  try {
    const tokens = await short.signUp()
    const { idle, absolute, now } = await limitsOf(tokens)
    expect(idle).toEqual(absolute)
    expect(absolute.getTime() - now.getTime()).toBeLessThanOrEqual(300_000)
    expect(tokens.expiresIn).toBeLessThanOrEqual(300)
  } finally {
    await short.close()
  }
})

it('P5: an expired session is not listed', async () => {
  const tokens = await service.signUp()
  const expired = await service.logIn(tokens.email)
  await moveLimit(expired, 'idle_expires_at', -1)
  const list = await service.call('GET', '/api/v1/auth/sessions', { token: tokens.accessToken })
  expect(list.json().items.map((item: { id: string }) => item.id)).toEqual([claimsOf(tokens.accessToken).sid])
})
