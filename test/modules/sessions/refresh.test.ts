/** P1 to P3: refresh tokens in races, with lost responses and after theft. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAppOn, createHttpClient, type TestApp } from '../../helpers/app.ts'
import { cloneDatabase, type TestDatabase } from '../../helpers/database.ts'
import { type Service, startService } from '../../helpers/service.ts'
import { startLossyProxy } from '../../helpers/tcp-proxy.ts'
import { auditOf, backdateUse, claimsOf, countUnusedTokens, hashOf } from '../../helpers/tokens.ts'

let database: TestDatabase
let service: Omit<TestApp, 'database'>
let processes: Service[]

beforeAll(async () => {
  database = await cloneDatabase()
  service = await createAppOn({ ...database, drop: async () => {} })
  // Fifty refreshes wait for one row: on a busy machine, longer than the default allows.
  const patient = { DATABASE_LOCK_TIMEOUT: '20s', DATABASE_STATEMENT_TIMEOUT: '20s' }
  processes = await Promise.all([1, 2].map(() => startService(database.url, patient)))
})
afterAll(async () => {
  await service.close()
  await Promise.all(processes.map(started => started.stop()))
  await database.drop()
})

const me = (token: string) => service.call('GET', '/api/v1/users/me', { token })

async function refreshed(refreshToken: string) {
  const response = await service.refresh(refreshToken)
  expect(response.statusCode).toBe(200)
  return response.json() as { accessToken: string; refreshToken: string }
}

describe('P1: one winner', () => {
  it('P1: 50 parallel refreshes of one token over two processes get the same successor', async () => {
    const clients = processes.map(({ origin }) => createHttpClient(origin))
    for (let round = 0; round < 3; round += 1) {
      const { accessToken, refreshToken } = await service.signUp()

      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, index) => clients[index % 2]?.refresh(refreshToken)),
      )

      expect(responses.map(response => response?.statusCode)).toEqual(Array(50).fill(200))
      const successors = new Set(responses.map(response => response?.json().refreshToken))
      expect(successors.size).toBe(1)
      expect(await countUnusedTokens(database, accessToken)).toBe(1)
      const { rows } = await database.query('select 1 from refresh_tokens where session_id = $1', [
        claimsOf(accessToken).sid,
      ])
      expect(rows).toHaveLength(2)
    }
  })

  it('P1: parallel refreshes, followed by one of the successor, leave at most one live token', async () => {
    const clients = processes.map(({ origin }) => createHttpClient(origin))
    for (let round = 0; round < 10; round += 1) {
      const { accessToken, refreshToken } = await service.signUp()

      const chain = async (index: number) => {
        const first = await clients[index % 2]?.refresh(refreshToken)
        if (first?.statusCode !== 200) return [first?.statusCode]
        const second = await clients[(index + 1) % 2]?.refresh(first.json().refreshToken)
        return [first.statusCode, second?.statusCode]
      }
      const statuses = (await Promise.all([0, 1, 2, 3].map(chain))).flat()

      expect(statuses.filter(status => status !== 200 && status !== 401)).toEqual([])
      expect(await countUnusedTokens(database, accessToken)).toBeLessThanOrEqual(1)
    }
  })
})

describe('P2: a lost response', () => {
  it('P2: a refresh whose response was cut off after the commit gets the same successor again', async () => {
    const { accessToken, refreshToken } = await service.signUp()
    const [origin] = processes.map(started => started.origin)
    const proxy = await startLossyProxy(origin ?? '')
    try {
      await expect(createHttpClient(proxy.origin).refresh(refreshToken)).rejects.toThrow()
      const lost = JSON.parse(await proxy.lostResponse) as { refreshToken: string }
      const { rows } = await database.query('select used_at from refresh_tokens where token_hash = $1', [
        hashOf(refreshToken),
      ])
      expect(rows[0].used_at).toBeInstanceOf(Date)

      const retried = await createHttpClient(processes[1]?.origin ?? '').refresh(refreshToken)

      expect(retried.statusCode).toBe(200)
      expect(retried.json().refreshToken).toBe(lost.refreshToken)
      expect(await countUnusedTokens(database, accessToken)).toBe(1)
      expect((await me(retried.json().accessToken)).statusCode).toBe(200)
      expect((await service.refresh(lost.refreshToken)).statusCode).toBe(200)
    } finally {
      proxy.close()
    }
  })

  it('P2: a retry is accepted after 9 seconds and refused after 11', async () => {
    const early = await service.signUp()
    const { refreshToken: successor } = await refreshed(early.refreshToken)
    await backdateUse(database, early.refreshToken, 9)
    expect((await refreshed(early.refreshToken)).refreshToken).toBe(successor)

    const late = await service.signUp()
    await refreshed(late.refreshToken)
    await backdateUse(database, late.refreshToken, 11)
    expect((await service.refresh(late.refreshToken)).statusCode).toBe(401)
  })

  it('P2: retries do not extend the grace period', async () => {
    const { refreshToken } = await service.signUp()
    await refreshed(refreshToken)
    await backdateUse(database, refreshToken, 9)
    await refreshed(refreshToken)
    await backdateUse(database, refreshToken, 2)
    expect((await service.refresh(refreshToken)).statusCode).toBe(401)
  })
})

describe('P3: reuse', () => {
  const reuseCount = async () => {
    const { rows } = await database.query("select 1 from audit_events where type = 'refresh.reused'")
    return rows.length
  }
  const reuseMetric = async () => {
    const text = (await service.call('GET', '/metrics')).body
    return Number(/^auth_refresh_reuse_total (\d+)/m.exec(text)?.[1])
  }

  async function expectDead(userId: string, tokens: { accessToken: string; refreshToken: string }[]) {
    for (const { accessToken, refreshToken } of tokens) {
      expect((await me(accessToken)).statusCode).toBe(401)
      expect((await service.refresh(refreshToken)).statusCode).toBe(401)
    }
    const sid = claimsOf(tokens[0]?.accessToken ?? '').sid
    const { rows } = await database.query('select revoked_at, revoked_reason from sessions where id = $1', [
      sid,
    ])
    expect(rows).toEqual([{ revoked_at: expect.any(Date), revoked_reason: 'refresh token reused' }])
    const events = await auditOf(database, userId)
    expect(events.slice(-2)).toMatchObject([
      { type: 'refresh.reused', session_id: sid, actor_id: null, request_id: expect.any(String) },
      { type: 'session.revoked', session_id: sid, detail: { reason: 'refresh token reused' } },
    ])
  }

  it('P3: the grandparent is refused at once, and ends every descendant and access token', async () => {
    const [auditBefore, metricBefore] = [await reuseCount(), await reuseMetric()]
    const grandparent = await service.signUp()
    const parent = await refreshed(grandparent.refreshToken)
    const child = await refreshed(parent.refreshToken)

    const response = await service.refresh(grandparent.refreshToken)

    expect(response.statusCode).toBe(401)
    expect(response.json().code).toBe('INVALID_REFRESH_TOKEN')
    await expectDead(grandparent.id, [child, parent, grandparent])
    // Later refusals concern an ended session, and do not count as theft again.
    expect([await reuseCount(), await reuseMetric()]).toEqual([auditBefore + 1, metricBefore + 1])
  })

  it('P3: the parent is refused after the grace period, and ends its unused child', async () => {
    const parent = await service.signUp()
    const child = await refreshed(parent.refreshToken)
    await backdateUse(database, parent.refreshToken, 10.1)

    expect((await service.refresh(parent.refreshToken)).statusCode).toBe(401)

    await expectDead(parent.id, [child, parent])
  })

  it('P3: the access tokens of a stolen session are refused on every other process within a second', async () => {
    const parent = await service.signUp()
    const { accessToken, refreshToken } = await refreshed(parent.refreshToken)
    await refreshed(refreshToken)
    await service.refresh(parent.refreshToken)
    const endedAt = Date.now()
    for (const { origin } of processes) {
      const other = createHttpClient(origin)
      let sentAt = Date.now()
      while ((await other.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode !== 401) {
        expect(sentAt - endedAt).toBeLessThan(1000)
        sentAt = Date.now()
      }
    }
  })

  it("P3: the user's other sessions go on after the theft of one", async () => {
    const stolen = await service.signUp()
    const other = await service.logIn(stolen.email)
    const { refreshToken } = await refreshed(stolen.refreshToken)
    await refreshed(refreshToken)
    expect((await service.refresh(stolen.refreshToken)).statusCode).toBe(401)

    expect((await me(other.accessToken)).statusCode).toBe(200)
    expect((await service.refresh(other.refreshToken)).statusCode).toBe(200)
  })

  it('P3: a token that was never issued is refused, and ends nothing', async () => {
    const before = await reuseCount()
    const response = await service.refresh('A'.repeat(43))
    expect(response.statusCode).toBe(401)
    expect(await reuseCount()).toBe(before)
  })
})
