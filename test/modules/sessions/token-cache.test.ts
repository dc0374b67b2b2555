/** A cached token: its signature is not verified again, but expiry and revocation are checked on every request. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { createTestApp, type TestApp } from '../../helpers/app.ts'
import { claimsOf } from '../../helpers/tokens.ts'

const PAGE = '/api/v1/users/me'
let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
})
afterEach(() => vi.useRealTimers())
afterAll(() => service.close())

const statusOf = async (headers: Record<string, string>) =>
  (await service.call('GET', PAGE, { headers })).statusCode
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Returns a user whose token was accepted twice, the second time from the cache. */
async function createCachedUser() {
  const user = await service.signUp()
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  return user
}

it('P4: is refused when its session has ended', async () => {
  const user = await createCachedUser()
  const other = { ...user, ...(await service.logIn(user.email)) }
  expect(await statusOf(bearer(other.accessToken))).toBe(200)
  await service.call('POST', '/api/v1/auth/logout', { token: user.accessToken })
  expect(await statusOf(bearer(user.accessToken))).toBe(401)
  expect(await statusOf(bearer(other.accessToken))).toBe(200)
})

it('P4: is refused after a revocation that only the database knows of', async () => {
  const { accessToken } = await createCachedUser()
  await service.database.query('update sessions set revoked_at = now() where id = $1', [
    claimsOf(accessToken).sid,
  ])
  await expect.poll(() => statusOf(bearer(accessToken)), { timeout: 5000, interval: 10 }).toBe(401)
})

it('P6: is refused when it has expired', async () => {
  const { accessToken } = await createCachedUser()
  const { exp } = claimsOf(accessToken)
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime((exp - 1) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(200)
  // More than the clock tolerance.
  vi.setSystemTime((exp + 60) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(401)
  expect(await statusOf(bearer(accessToken))).toBe(401)
})

it('P6: does not make a similar token valid', async () => {
  const { accessToken } = await createCachedUser()
  const stranger = await createCachedUser()
  const [header, payload, signature] = accessToken.split('.')
  const [, foreignPayload, foreignSignature] = stranger.accessToken.split('.')
  const similar = [
    `${header}.${payload}.`,
    `${header}.${payload}.${foreignSignature}`,
    `${header}.${foreignPayload}.${signature}`,
    `${accessToken}=`,
    `${accessToken}.`,
    accessToken.toLowerCase(),
  ]
  for (const token of similar) expect(await statusOf(bearer(token)), token).toBe(401)
  for (const authorization of [accessToken, `Basic ${accessToken}`, `Bearer ${accessToken} x`]) {
    expect(await statusOf({ authorization }), authorization).toBe(401)
  }
})

it('is never used for another user', async () => {
  const users = await Promise.all([createCachedUser(), createCachedUser(), createCachedUser()])
  const crowd = Array.from({ length: 60 }, (_, index) => users[index % users.length])
  const responses = await Promise.all(
    crowd.map(async user => (await service.call('GET', PAGE, { token: user?.accessToken ?? '' })).json().id),
  )
  expect(responses).toEqual(crowd.map(user => user?.id))
})
