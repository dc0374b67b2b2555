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

/** A user whose token was accepted twice, the second time from the cache. */
async function rememberedUser() {
  const user = await service.signUp()
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  return user
}

it('P4: is refused when its session has ended', async () => {
  const user = await rememberedUser()
  const other = { ...user, ...(await service.logIn(user.email)) }
  expect(await statusOf(bearer(other.accessToken))).toBe(200)
  await service.call('POST', '/api/v1/auth/logout', { token: user.accessToken })
  expect(await statusOf(bearer(user.accessToken))).toBe(401)
  expect(await statusOf(bearer(other.accessToken))).toBe(200)
})

it('P4: is refused after a revocation that only the database knows of', async () => {
  const { accessToken } = await rememberedUser()
  await service.database.query('update sessions set revoked_at = now() where id = $1', [
    claimsOf(accessToken).sid,
  ])
  await expect.poll(() => statusOf(bearer(accessToken)), { timeout: 5000, interval: 10 }).toBe(401)
})

it('P6: is refused when it has expired', async () => {
  const { accessToken } = await rememberedUser()
  const { exp } = claimsOf(accessToken)
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime((exp - 1) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(200)
  // More than the clock tolerance.
  vi.setSystemTime((exp + 60) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(401)
  expect(await statusOf(bearer(accessToken))).toBe(401)
})

it('P6: does not help a token that resembles it', async () => {
  const { accessToken } = await rememberedUser()
  const stranger = await rememberedUser()
  const [header, payload, signature] = accessToken.split('.')
  const [, foreignPayload, foreignSignature] = stranger.accessToken.split('.')
  const likenesses = [
    `${header}.${payload}.`,
    `${header}.${payload}.${foreignSignature}`,
    `${header}.${foreignPayload}.${signature}`,
    `${accessToken}=`,
    `${accessToken}.`,
    accessToken.toLowerCase(),
  ]
  for (const token of likenesses) expect(await statusOf(bearer(token)), token).toBe(401)
  for (const authorization of [accessToken, `Basic ${accessToken}`, `Bearer ${accessToken} x`]) {
    expect(await statusOf({ authorization }), authorization).toBe(401)
  }
})

it('does not mix up users', async () => {
  const users = await Promise.all([rememberedUser(), rememberedUser(), rememberedUser()])
  const crowd = Array.from({ length: 60 }, (_, index) => users[index % users.length])
  const answers = await Promise.all(
    crowd.map(async user => (await service.call('GET', PAGE, { token: user?.accessToken ?? '' })).json().id),
  )
  expect(answers).toEqual(crowd.map(user => user?.id))
})
