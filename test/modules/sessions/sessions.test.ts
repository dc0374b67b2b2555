/** Sessions: from registration to logout, listed by their owner, and ended one by one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCursor } from '../../../src/lib/cursor.ts'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { auditOf, claimsOf } from '../../helpers/tokens.ts'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
})
afterAll(() => service.close())

type Item = { id: string; createdAt: string; current: boolean }

const list = (token: string, query = '') => service.call('GET', `/api/v1/auth/sessions${query}`, { token })
const end = (token: string, id: string) => service.call('DELETE', `/api/v1/auth/sessions/${id}`, { token })
const me = (token: string) => service.call('GET', '/api/v1/users/me', { token })

describe('a session', () => {
  it('ends at logout, with its access token and its refresh token', async () => {
    const { accessToken, refreshToken } = await service.signUp()
    expect((await me(accessToken)).statusCode).toBe(200)

    expect((await service.call('POST', '/api/v1/auth/logout', { token: accessToken })).statusCode).toBe(204)

    expect((await me(accessToken)).statusCode).toBe(401)
    expect((await service.refresh(refreshToken)).statusCode).toBe(401)
    expect((await service.call('POST', '/api/v1/auth/logout', { token: accessToken })).statusCode).toBe(401)
  })

  it('has no-store responses with its tokens', async () => {
    const { email } = await service.signUp()
    const login = await service.call('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })
    expect(login.headers['cache-control']).toBe('no-store')
    const refreshed = await service.refresh(login.json().refreshToken)
    expect(refreshed.headers['cache-control']).toBe('no-store')
    expect(Object.keys(refreshed.json()).sort()).toEqual(Object.keys(login.json()).sort())
  })

  it('is stored without its tokens', async () => {
    const { accessToken, refreshToken } = await service.signUp()
    const { sid } = claimsOf(accessToken)
    const { rows } = await service.database.query(
      `select s::text || t::text as text from sessions s join refresh_tokens t on t.session_id = s.id
       where s.id = $1`,
      [sid],
    )
    expect(rows).toHaveLength(1)
    for (const form of [refreshToken, Buffer.from(refreshToken, 'base64url').toString('hex')]) {
      expect(rows[0].text).not.toContain(form)
    }
    expect(rows[0].text).not.toContain(accessToken.split('.')[2])
  })

  it('has audit rows for its start and end', async () => {
    const user = await service.signUp()
    const { sid } = claimsOf(user.accessToken)
    await service.call('POST', '/api/v1/auth/login', {
      body: { email: user.email, password: 'not this one' },
    })
    await service.call('POST', '/api/v1/auth/logout', { token: user.accessToken })
    const where = { ip: '127.0.0.1', request_id: expect.any(String) }
    expect(await auditOf(service.database, user.id)).toMatchObject([
      { type: 'user.registered', session_id: null, ...where },
      { type: 'login.succeeded', actor_id: user.id, session_id: sid, ...where },
      { type: 'login.failed', actor_id: null, detail: { reason: 'wrong password' }, ...where },
      { type: 'session.revoked', actor_id: user.id, session_id: sid, detail: { reason: 'logout' }, ...where },
    ])
  })
})

describe('the list of sessions', () => {
  it('has the live sessions of the caller, newest first, and marks the current one', async () => {
    const user = await service.signUp()
    await service.signUp()
    const agent = 'Test/1.0'
    const second = await service.call('POST', '/api/v1/auth/login', {
      body: { email: user.email, password: PASSWORD },
      headers: { 'user-agent': agent },
    })
    const ended = await service.logIn(user.email)
    await service.call('POST', '/api/v1/auth/logout', { token: ended.accessToken })

    const { items, nextCursor } = (await list(second.json().accessToken)).json()
    expect(items.map((item: Item) => [item.id, item.current])).toEqual([
      [claimsOf(second.json().accessToken).sid, true],
      [claimsOf(user.accessToken).sid, false],
    ])
    expect(items[0]).toMatchObject({ ip: '127.0.0.1', userAgent: agent })
    expect(Object.keys(items[0]).sort()).toEqual([
      'createdAt',
      'current',
      'expiresAt',
      'id',
      'ip',
      'lastUsedAt',
      'userAgent',
    ])
    expect(nextCursor).toBeNull()
  })

  it('is complete in pages of every size, also when sessions share an instant', async () => {
    const user = await service.signUp()
    await service.database.query(
      `insert into sessions (user_id, created_at, idle_expires_at, expires_at, ip, user_agent)
       select $1, timestamptz '2026-01-31 12:00:00.123+00' + (n / 4) * interval '1 millisecond',
         now() + interval '1 day', now() + interval '1 day', '', '' from generate_series(1, 22) n`,
      [user.id],
    )
    const { rows } = await service.database.query<{ id: string; created_at: Date }>(
      'select id, created_at from sessions where user_id = $1',
      [user.id],
    )
    const expected = rows
      .toSorted((left, right) => {
        const later = right.created_at.getTime() - left.created_at.getTime()
        return later || (left.id < right.id ? 1 : -1)
      })
      .map(row => row.id)
    for (const limit of [1, 4, 5, 22, 23, 24]) {
      const found: string[] = []
      let query = `?limit=${limit}`
      for (let page = 0; page < 24 && query !== ''; page += 1) {
        const { items, nextCursor } = (await list(user.accessToken, query)).json()
        found.push(...items.map((item: Item) => item.id))
        query = nextCursor === null ? '' : `?limit=${limit}&cursor=${nextCursor}`
      }
      expect(found).toEqual(expected)
    }
  })

  it('refuses cursors that it did not return', async () => {
    const { accessToken } = await service.signUp()
    const id = crypto.randomUUID()
    const made = [
      { sort: '-createdAt', key: '2026-01-31T12:00:00.000Z', id },
      { sort: 'sessions:-createdAt', key: 'yesterday', id },
      { sort: 'sessions:-createdAt', key: '+275760-09-13T00:00:00.000Z', id },
      { sort: 'sessions:-createdAt', key: '2026-01-31T12:00:00.000Z', id: 'x' },
    ]
    for (const cursor of ['garbage', ...made.map(encodeCursor)]) {
      const response = await list(accessToken, `?cursor=${cursor}`)
      expect([response.statusCode, response.json().code]).toEqual([400, 'INVALID_CURSOR'])
    }
  })
})

describe('ending a session by its id', () => {
  it('ends that session only, at once, and is recorded', async () => {
    const user = await service.signUp()
    const other = await service.logIn(user.email)
    const { sid } = claimsOf(other.accessToken)
    expect((await end(user.accessToken, sid.toUpperCase())).statusCode).toBe(204)
    expect((await me(other.accessToken)).statusCode).toBe(401)
    expect((await service.refresh(other.refreshToken)).statusCode).toBe(401)
    expect((await me(user.accessToken)).statusCode).toBe(200)
    expect((await auditOf(service.database, user.id)).at(-1)).toMatchObject({
      type: 'session.revoked',
      actor_id: user.id,
      session_id: sid,
      detail: { reason: 'ended by its owner' },
    })
    expect((await end(user.accessToken, sid)).statusCode).toBe(404)
  })

  it("P9: responds to another user's session as to a missing one, and leaves it alone", async () => {
    const [user, other] = [await service.signUp(), await service.signUp()]
    const ids = [claimsOf(other.accessToken).sid, crypto.randomUUID()]
    const [theirs, nobodys] = await Promise.all(ids.map(id => end(user.accessToken, id)))
    const plain = (body: string | undefined, id = '') =>
      body?.replace(id, 'id').replace(/"requestId":"[^"]+"/, '')
    expect(theirs?.statusCode).toBe(404)
    expect(plain(theirs?.body, ids[0])).toBe(plain(nobodys?.body, ids[1]))
    expect((await me(other.accessToken)).statusCode).toBe(200)
  })

  it('may end the current session', async () => {
    const { accessToken } = await service.signUp()
    expect((await end(accessToken, claimsOf(accessToken).sid)).statusCode).toBe(204)
    expect((await me(accessToken)).statusCode).toBe(401)
  })
})
