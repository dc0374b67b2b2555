/** At least one enabled admin remains when admins disable or demote each other at the same time. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assignRole } from '../../../src/modules/users/service.ts'
import { createAppOn, createTestApp, type TestApp } from '../../helpers/app.ts'
import { testConfig } from '../../helpers/config.ts'
import { openSessions } from '../../helpers/sessions.ts'
import { createTokenFactory } from '../../helpers/tokens.ts'

let service: TestApp
let other: Awaited<ReturnType<typeof createAppOn>>
let tokenFor: ReturnType<typeof createTokenFactory>
let admins: { id: string; email: string }[]

beforeAll(async () => {
  service = await createTestApp()
  other = await createAppOn({ url: service.database.url, drop: async () => {} })
  tokenFor = createTokenFactory(testConfig(service.database.url))
  admins = await Promise.all([service.signUp(), service.signUp(), service.signUp()])
})
afterAll(async () => {
  await other.close()
  await service.close()
})

/** Makes `count` users the only admins, and returns a token of each. */
async function prepare(count: number) {
  await service.database.query("update users set role = 'user' where role = 'admin'")
  return Promise.all(
    admins.slice(0, count).map(async ({ id, email }) => {
      await service.database.query("update users set role = 'admin', disabled_at = null where id = $1", [id])
      const [session] = await openSessions(service.database, id, 1)
      const token = await tokenFor({ userId: id, sessionId: session?.id ?? '', role: 'admin' })
      return { id, email, token }
    }),
  )
}

async function enabledAdmins(): Promise<number> {
  const { rows } = await service.database.query<{ count: number }>(
    "select count(*)::int as count from users where role = 'admin' and disabled_at is null",
  )
  return rows[0]?.count ?? 0
}

it.each([2, 3])('%i admins who disable each other at the same time, 50 times', async count => {
  const refusals = new Set<string>()
  for (let round = 0; round < 50; round += 1) {
    const ring = await prepare(count)
    const responses = await Promise.all(
      ring.map(({ token }, index) => {
        const { call } = index % 2 ? service : other
        return call('POST', `/api/v1/users/${ring[(index + 1) % count]?.id}/disable`, { token })
      }),
    )
    expect(await enabledAdmins()).toBeGreaterThanOrEqual(1)
    expect(responses.some(({ statusCode }) => statusCode === 204)).toBe(true)
    for (const response of responses) if (response.statusCode !== 204) refusals.add(response.json().code)
  }
  // 401 when the caller was disabled before its request was handled.
  for (const code of refusals) expect(['LAST_ADMIN', 'UNAUTHORIZED']).toContain(code)
  expect(refusals.size).toBeGreaterThan(0)
})

it('an admin who has lost the role cannot disable an account with an older token', async () => {
  const [first, second] = await prepare(2)
  await service.database.query("update users set role = 'user' where id = $1", [second?.id])
  const response = await service.call('POST', `/api/v1/users/${first?.id}/disable`, {
    token: second?.token ?? '',
  })
  expect([response.statusCode, response.json().code]).toEqual([409, 'LAST_ADMIN'])
  const user = await service.signUp()
  const another = await service.call('POST', `/api/v1/users/${user.id}/disable`, {
    token: second?.token ?? '',
  })
  expect(another.statusCode).toBe(401)
})

it('two admins who are demoted at the same time, 20 times', async () => {
  for (let round = 0; round < 20; round += 1) {
    const pair = await prepare(2)
    const outcomes = await Promise.allSettled(
      pair.map(({ email }) => assignRole(service.app.database, email, 'user')),
    )
    expect(await enabledAdmins()).toBe(1)
    const [refused] = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    expect(refused?.reason).toMatchObject({ code: 'LAST_ADMIN' })
  }
})
