/** An account has at most SESSIONS_PER_USER_MAX sessions: a further login ends the oldest one. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAppOn, createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { openSessions } from '../../helpers/sessions.ts'
import { auditOf, claimsOf } from '../../helpers/tokens.ts'
import { expectRefusedEverywhere } from '../../helpers/two-instances.ts'

const MAX = 4

let service: TestApp
let other: Awaited<ReturnType<typeof createAppOn>>

beforeAll(async () => {
  service = await createTestApp({ SESSIONS_PER_USER_MAX: String(MAX) })
  const { url } = service.database
  other = await createAppOn({ url, drop: async () => {} }, { SESSIONS_PER_USER_MAX: String(MAX) })
})
afterAll(async () => {
  await other.close()
  await service.close()
})

const isLive = async (token: string) =>
  (await service.call('GET', '/api/v1/users/me', { token })).statusCode === 200

async function liveSessions(userId: string): Promise<string[]> {
  const { rows } = await service.database.query<{ id: string }>(
    `select id from sessions where user_id = $1 and revoked_at is null and idle_expires_at > now()
     order by created_at desc, id desc`,
    [userId],
  )
  return rows.map(({ id }) => id)
}

it('the oldest session ends with all its tokens, and the others go on', async () => {
  const user = await service.signUp()
  const logins = [user, ...(await logInTimes(user.email, MAX + 1))]
  const lives = await Promise.all(logins.map(({ accessToken }) => isLive(accessToken)))
  expect(lives).toEqual([false, false, ...Array(MAX).fill(true)])
  expect((await service.refresh(user.refreshToken)).statusCode).toBe(401)
  expect((await service.refresh(logins.at(-MAX)?.refreshToken ?? '')).statusCode).toBe(200)
  const ended = (await auditOf(service.database, user.id)).filter(({ type }) => type === 'session.revoked')
  expect(ended).toMatchObject(
    logins.slice(0, 2).map(({ accessToken }) => ({
      session_id: claimsOf(accessToken).sid,
      actor_id: user.id,
      detail: { reason: 'too many sessions' },
    })),
  )
})

async function logInTimes(email: string, count: number) {
  const logins: Awaited<ReturnType<TestApp['logIn']>>[] = []
  for (let turn = 0; turn < count; turn += 1) logins.push(await service.logIn(email))
  return logins
}

it('20 logins at once over two instances leave the newest sessions, in 5 rounds', async () => {
  const user = await service.signUp()
  for (let round = 0; round < 5; round += 1) {
    const clients = Array.from({ length: 20 }, (_, index) => (index % 2 ? service : other))
    const logins = await Promise.all(clients.map(({ logIn }) => logIn(user.email)))
    const live = await liveSessions(user.id)
    expect(live).toHaveLength(MAX)
    for (const { accessToken } of logins) {
      if (live.includes(claimsOf(accessToken).sid)) expect(await isLive(accessToken)).toBe(true)
      else await expectRefusedEverywhere([service, other], accessToken, Date.now())
    }
  }
})

it('expired and ended sessions do not count', async () => {
  const user = await service.signUp()
  const opened = await openSessions(service.database, user.id, 10)
  const [expired, ended] = [opened.slice(0, 5), opened.slice(5)].map(half => half.map(({ id }) => id))
  await service.database.query(
    "update sessions set idle_expires_at = now() - interval '1s' where id = any($1)",
    [expired],
  )
  await service.database.query('update sessions set revoked_at = now() where id = any($1)', [ended])
  await logInTimes(user.email, MAX - 1)
  expect(await isLive(user.accessToken)).toBe(true)
})

it('one login ends all sessions beyond the limit, at most a thousand', async () => {
  const user = await service.signUp()
  await openSessions(service.database, user.id, 1500)
  await service.logIn(user.email)
  expect(await liveSessions(user.id)).toHaveLength(502)
  const { accessToken } = await service.logIn(user.email)
  expect(await liveSessions(user.id)).toHaveLength(MAX)
  expect(await isLive(accessToken)).toBe(true)
})

it('a refused login ends nothing', async () => {
  const user = await service.signUp()
  await logInTimes(user.email, MAX - 1)
  const body = { email: user.email, password: `${PASSWORD}?` }
  expect((await service.call('POST', '/api/v1/auth/login', { body })).statusCode).toBe(401)
  expect(await isLive(user.accessToken)).toBe(true)
})
