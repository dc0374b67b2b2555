/** A token that was verified before is not verified again: whatever may have changed since is looked at all the same. */
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

/** A user whose token was accepted twice: the second time without a look at its signature. */
async function rememberedUser() {
  const user = await service.signUp()
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  expect(await statusOf(bearer(user.accessToken))).toBe(200)
  return user
}

it('P4: is refused from the end of its session on', async () => {
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

it('P6: is refused once it has expired, whenever it was remembered', async () => {
  const { accessToken } = await rememberedUser()
  const { exp } = claimsOf(accessToken)
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime((exp - 1) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(200)
  // Beyond what clocks may differ by.
  vi.setSystemTime((exp + 60) * 1000)
  expect(await statusOf(bearer(accessToken))).toBe(401)
  expect(await statusOf(bearer(accessToken))).toBe(401)
})

it('P6: lends nothing to a token that is like it', async () => {
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

it('keeps what it says of its own user apart from what others say of theirs', async () => {
  const users = await Promise.all([rememberedUser(), rememberedUser(), rememberedUser()])
  const crowd = Array.from({ length: 60 }, (_, index) => users[index % users.length])
  const answers = await Promise.all(
    crowd.map(async user => (await service.call('GET', PAGE, { token: user?.accessToken ?? '' })).json().id),
  )
  expect(answers).toEqual(crowd.map(user => user?.id))
})
