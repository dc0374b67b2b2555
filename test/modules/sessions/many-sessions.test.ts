/** P4: any number of sessions of an account ends at once, on every instance. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createAppOn, createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { testConfig } from '../../helpers/config.ts'
import { auditOf, claimsOf, createTokenFactory } from '../../helpers/tokens.ts'
import { expectRefusedEverywhere } from '../../helpers/two-instances.ts'

/** One login a minute for a year, each valid for 14 days without use: 20,160 are live. */
const MANY = 500_000

let service: TestApp
let other: Awaited<ReturnType<typeof createAppOn>>
let admin: { accessToken: string }
let user: Awaited<ReturnType<TestApp['signUp']>>
let tokenFor: ReturnType<typeof createTokenFactory>

beforeAll(async () => {
  service = await createTestApp()
  other = await createAppOn({ url: service.database.url, drop: async () => {} })
  tokenFor = createTokenFactory(testConfig(service.database.url))
  const { id, email } = await service.signUp()
  await service.database.query("update users set role = 'admin' where id = $1", [id])
  admin = await service.logIn(email)
  user = await service.signUp()
  await insertMany(user.id)
})
afterAll(async () => {
  await other.close()
  await service.close()
})

async function insertMany(userId: string): Promise<void> {
  const client = await service.database.connect()
  try {
    // Without triggers, which would take longer than the test itself.
    await client.query("set session_replication_role = 'replica'")
    await client.query(
      `insert into sessions (user_id, created_at, idle_expires_at, expires_at, ip, user_agent)
       select $1, at, at + interval '14 days', at + interval '30 days', '', ''
       from generate_series(1, $2) n, lateral (select now() - n * interval '1 minute' as at) a`,
      [userId, MANY],
    )
  } finally {
    client.release(true)
  }
}

/** Returns a token for each session that was opened this number of minutes ago. */
function tokensOf(...minutes: number[]): Promise<string[]> {
  return Promise.all(
    minutes.map(async offset => {
      const { rows } = await service.database.query<{ id: string }>(
        `select id from sessions where user_id = $1 and user_agent = '' order by created_at desc offset $2 limit 1`,
        [user.id, offset],
      )
      return tokenFor({ userId: user.id, sessionId: rows[0]?.id ?? '' })
    }),
  )
}

/** Revives the sessions that were ended all at once, except those whose own rows are revoked. */
async function revive(): Promise<void> {
  await service.database.query('update users set session_epoch = 0 where id = $1', [user.id])
}

async function expectAccepted(token: string): Promise<void> {
  for (const { call } of [service, other]) {
    expect((await call('GET', '/api/v1/users/me', { token })).statusCode).toBe(200)
  }
}

async function expectRefused(tokens: string[], since: number): Promise<void> {
  for (const token of tokens) await expectRefusedEverywhere([service, other], token, since)
}

it('P4: a user with 500,000 sessions is disabled at once, and no session comes back', async () => {
  const tokens = [user.accessToken, ...(await tokensOf(10, 15_000, 20_000))]
  for (const token of tokens) await expectAccepted(token)

  const switchTo = (action: string) =>
    service.call('POST', `/api/v1/users/${user.id}/${action}`, { token: admin.accessToken })
  expect((await switchTo('disable')).statusCode).toBe(204)
  await expectRefused(tokens, Date.now())

  expect((await switchTo('enable')).statusCode).toBe(204)
  await expectRefused(tokens, 0)
  const again = await service.logIn(user.email)
  await expectAccepted(again.accessToken)
  const list = await service.call('GET', '/api/v1/auth/sessions', { token: again.accessToken })
  expect(list.json().items.map(({ id }: { id: string }) => id)).toEqual([claimsOf(again.accessToken).sid])
})

it('P4: a password change ends all but one of 500,000 sessions', async () => {
  await revive()
  const former = await service.logIn(user.email)
  const caller = await service.logIn(user.email)
  // Older than the 5,000 whose rows are changed.
  await service.database.query(
    "update sessions set created_at = created_at - interval '13 days' where id = $1",
    [claimsOf(former.accessToken).sid],
  )
  const tokens = [former.accessToken, ...(await tokensOf(8000, 15_001, 20_001))]
  for (const token of tokens) await expectAccepted(token)
  const changed = await service.call('PUT', '/api/v1/auth/password', {
    token: caller.accessToken,
    body: { currentPassword: PASSWORD, newPassword: `${PASSWORD} indeed` },
  })
  expect(changed.statusCode).toBe(204)
  await expectRefused(tokens, Date.now())
  await expectAccepted(caller.accessToken)
  expect((await service.refresh(former.refreshToken)).statusCode).toBe(401)
  expect((await other.refresh(caller.refreshToken)).statusCode).toBe(200)

  const events = await auditOf(service.database, user.id)
  const reasons = events.flatMap(({ type, detail }) => (type === 'session.revoked' ? [detail.reason] : []))
  expect(reasons.filter(reason => reason === 'account disabled')).toHaveLength(5000)
  expect(reasons.at(-1)).toBe('password changed: all earlier sessions')
})

it('P4: a user with 500,000 sessions ends all others at once', async () => {
  await revive()
  const caller = await service.logIn(user.email, `${PASSWORD} indeed`)
  const tokens = await tokensOf(12_000, 20_002)
  for (const token of tokens) await expectAccepted(token)
  const ended = await service.call('DELETE', '/api/v1/auth/sessions', { token: caller.accessToken })
  expect(ended.statusCode).toBe(204)
  await expectRefused(tokens, Date.now())
  await expectAccepted(caller.accessToken)
})

it('P4: an instance that starts afterwards refuses them too', async () => {
  const [token = ''] = await tokensOf(20_003)
  const late = await createAppOn({ url: service.database.url, drop: async () => {} })
  onTestFinished(late.close)
  expect((await late.call('GET', '/api/v1/users/me', { token })).statusCode).toBe(401)
})
