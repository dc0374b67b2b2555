/** Admins disable accounts and enable them again. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { auditOf, claimsOf } from '../../helpers/tokens.ts'

let service: TestApp
let admin: Awaited<ReturnType<TestApp['signUp']>>

beforeAll(async () => {
  service = await createTestApp()
  const promoted = await service.signUp()
  await service.database.query("update users set role = 'admin' where id = $1", [promoted.id])
  admin = { ...promoted, ...(await service.logIn(promoted.email)) }
})
afterAll(() => service.close())

const set = (action: 'disable' | 'enable', id: string, { accessToken } = admin as { accessToken: string }) =>
  service.call('POST', `/api/v1/users/${id}/${action}`, { token: accessToken })
const logIn = (email: string) =>
  service.call('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })

it('ends every session at once, and no login succeeds until the account is enabled', async () => {
  const user = await service.signUp()
  const other = await service.logIn(user.email)
  expect((await set('disable', user.id)).statusCode).toBe(204)
  for (const { accessToken, refreshToken } of [user, other]) {
    expect((await service.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(401)
    expect((await service.refresh(refreshToken)).statusCode).toBe(401)
  }
  expect((await logIn(user.email)).statusCode).toBe(401)

  expect((await set('enable', user.id)).statusCode).toBe(204)
  expect((await logIn(user.email)).statusCode).toBe(200)
  // Ended sessions stay ended.
  expect((await service.refresh(user.refreshToken)).statusCode).toBe(401)
})

it('is recorded once, with the admin; a second time changes nothing', async () => {
  const user = await service.signUp()
  const { sid } = claimsOf(admin.accessToken)
  for (const action of ['disable', 'disable', 'enable', 'enable'] as const) {
    expect((await set(action, user.id)).statusCode).toBe(204)
  }
  const events = await auditOf(service.database, user.id)
  expect(events.slice(-3)).toMatchObject([
    { type: 'user.disabled', actor_id: admin.id, session_id: sid },
    {
      type: 'session.revoked',
      actor_id: admin.id,
      session_id: claimsOf(user.accessToken).sid,
      detail: { reason: 'account disabled' },
    },
    { type: 'user.enabled', actor_id: admin.id, session_id: sid },
  ])
  expect(events.filter(({ type }) => type === 'user.disabled')).toHaveLength(1)
})

it('an account with 3,000 sessions is disabled in a few statements, with an audit row for each', async () => {
  const user = await service.signUp()
  await service.database.query(
    `insert into sessions (user_id, idle_expires_at, expires_at, ip, user_agent)
     select $1, now() + interval '1 day', now() + interval '1 day', '', '' from generate_series(1, 2999)`,
    [user.id],
  )
  const queries = async () =>
    (await service.app.metrics.registry.getSingleMetric('db_queries_total')?.get())?.values[0]?.value ?? 0
  const before = await queries()
  expect((await set('disable', user.id)).statusCode).toBe(204)
  expect((await queries()) - before).toBeLessThan(10)
  const events = await auditOf(service.database, user.id)
  const ended = events.filter(({ type }) => type === 'session.revoked').map(event => event.session_id)
  expect(new Set(ended).size).toBe(3000)
})

it('an admin cannot disable their own account, also with the id in upper case', async () => {
  for (const id of [admin.id, admin.id.toUpperCase()]) {
    const response = await set('disable', id)
    expect([response.statusCode, response.json().code]).toEqual([409, 'CONFLICT'])
  }
  expect((await service.call('GET', '/api/v1/users', { token: admin.accessToken })).statusCode).toBe(200)
})

it('returns 404 for an unknown id, 400 for an invalid one and 403 for other users', async () => {
  const user = await service.signUp()
  for (const action of ['disable', 'enable'] as const) {
    expect((await set(action, crypto.randomUUID())).statusCode).toBe(404)
    expect((await set(action, 'x')).statusCode).toBe(400)
    expect((await set(action, admin.id, user)).statusCode).toBe(403)
    expect((await set(action, user.id, user)).statusCode).toBe(403)
    expect((await service.call('POST', `/api/v1/users/${user.id}/${action}`)).statusCode).toBe(401)
  }
})
