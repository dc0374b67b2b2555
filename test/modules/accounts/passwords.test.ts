/** Passwords: storage, refusal of weak ones, changes, and the limit of hashes at once. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPasswords } from '../../../src/modules/accounts/passwords.ts'
import { createAppOn, createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { auditOf, claimsOf } from '../../helpers/tokens.ts'

const NEW = 'a brand new horse battery'

let service: TestApp

beforeAll(async () => {
  // Long enough for a test to hold a lock, also on a slow machine.
  service = await createTestApp({ DATABASE_LOCK_TIMEOUT: '20s', DATABASE_STATEMENT_TIMEOUT: '20s' })
})
afterAll(() => service.close())

const register = (password: string, email = `${crypto.randomUUID()}@example.com`) =>
  service.call('POST', '/api/v1/auth/register', { body: { email, password, displayName: 'Ada' } })
const change = (token: string, currentPassword: string, newPassword: string) =>
  service.call('PUT', '/api/v1/auth/password', { token, body: { currentPassword, newPassword } })
const hashOfUser = async (id: string) =>
  (await service.database.query('select password_hash from users where id = $1', [id])).rows[0].password_hash

async function isTransactionWaiting(): Promise<boolean> {
  const { rows } = await service.database.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rows.length > 0
}

describe('a password', () => {
  it('is stored as argon2id with 19 MiB, two passes, one lane and its own salt', async () => {
    const hashes = await Promise.all([1, 2].map(async () => hashOfUser((await service.signUp()).id)))
    const form = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43}$/
    for (const hash of hashes) expect(hash).toMatch(form)
    expect(hashes[0]).not.toBe(hashes[1])
  })

  it('is compared exactly: case, spaces and length count', async () => {
    const passwords = [
      '  spaces around  ',
      'pässwörd ünïcode',
      '😀😃😄😁😆😅😂🤣',
      'x'.repeat(127).concat('y'),
    ]
    for (const password of passwords) {
      const { email } = await service.signUp({ password })
      const variants = [password.trim(), password.toUpperCase(), [...password].slice(0, -1).join('')]
      for (const variant of variants.filter(text => text !== password)) {
        await expect(service.logIn(email, variant)).rejects.toThrow('401')
      }
    }
  })

  it('is refused when it is a common one, in any case', async () => {
    for (const password of ['password123', 'PASSWORD123', 'iloveyou', 'qwertyuiop']) {
      const response = await register(password)
      expect([response.statusCode, response.json().code], password).toEqual([400, 'WEAK_PASSWORD'])
    }
  })

  it('has 8 to 128 characters, counted by code points', async () => {
    const faces = '😀😃😄😁😆😅😂'
    expect((await register(faces)).statusCode).toBe(400)
    expect((await register(`${faces}🤣`)).statusCode).toBe(201)
    expect((await register(`${faces.repeat(18)}🤣🤣`)).statusCode).toBe(201)
    expect((await register('x'.repeat(129))).statusCode).toBe(400)
  })
})

describe('a change of password', () => {
  it("ends the caller's other sessions, keeps this one, and is recorded", async () => {
    const user = await service.signUp()
    const others = [await service.logIn(user.email), await service.logIn(user.email)]
    const bystander = await service.signUp()

    expect((await change(user.accessToken, PASSWORD, NEW)).statusCode).toBe(204)

    for (const { accessToken, refreshToken } of others) {
      expect((await service.call('GET', '/api/v1/users/me', { token: accessToken })).statusCode).toBe(401)
      expect((await service.refresh(refreshToken)).statusCode).toBe(401)
    }
    for (const { refreshToken } of [user, bystander]) {
      expect((await service.refresh(refreshToken)).statusCode).toBe(200)
    }
    await expect(service.logIn(user.email)).rejects.toThrow('401')
    await service.logIn(user.email, NEW)
    const events = (await auditOf(service.database, user.id)).slice(-5, -2)
    const revoked = { type: 'session.revoked', actor_id: user.id, detail: { reason: 'password changed' } }
    const { sid } = claimsOf(user.accessToken)
    expect(events).toMatchObject([
      { type: 'password.changed', actor_id: user.id, session_id: sid },
      revoked,
      revoked,
    ])
  })

  it('needs the current password and a strong new one; otherwise nothing changes', async () => {
    const user = await service.signUp()
    const before = await hashOfUser(user.id)
    const wrong = await change(user.accessToken, 'not this one', NEW)
    expect([wrong.statusCode, wrong.json().code]).toEqual([403, 'WRONG_PASSWORD'])
    const weak = await change(user.accessToken, PASSWORD, 'Password123')
    expect([weak.statusCode, weak.json().code]).toEqual([400, 'WEAK_PASSWORD'])
    expect((await change(user.accessToken, PASSWORD, 'short')).statusCode).toBe(400)
    expect(await hashOfUser(user.id)).toBe(before)
    expect((await auditOf(service.database, user.id)).at(-1)).toMatchObject({
      type: 'login.failed',
      actor_id: user.id,
      detail: { reason: 'wrong current password' },
    })
  })

  it('that is requested twice at once happens once', async () => {
    const user = await service.signUp()
    const wanted = [`${NEW} 1`, `${NEW} 2`]
    const statuses = (await Promise.all(wanted.map(text => change(user.accessToken, PASSWORD, text)))).map(
      response => response.statusCode,
    )
    // The other request comes in between, or after the password has changed.
    expect([
      [204, 403],
      [204, 409],
    ]).toContainEqual(statuses.toSorted())
    await service.logIn(user.email, wanted[statuses.indexOf(204)])
  })

  it('fails when its session ends before it is done', async () => {
    const user = await service.signUp()
    // Another transaction locks the account, so that the change has to wait.
    const other = new pg.Client({ connectionString: service.database.url })
    await other.connect()
    try {
      await other.query('begin')
      await other.query('select 1 from users where id = $1 for update', [user.id])
      const changed = change(user.accessToken, PASSWORD, NEW)
      await expect.poll(isTransactionWaiting, { timeout: 10_000 }).toBe(true)
      const logout = await service.call('POST', '/api/v1/auth/logout', { token: user.accessToken })
      expect(logout.statusCode).toBe(204)
      await other.query('commit')
      expect((await changed).statusCode).toBe(401)
      await service.logIn(user.email)
    } finally {
      await other.end()
    }
  })

  it('P16: has a limit of attempts per account', async () => {
    const strict = await createAppOn(
      { ...service.database, drop: async () => {} },
      { LOGIN_RATE_LIMIT_MAX: '3' },
    )
    try {
      const user = await service.signUp()
      const statuses = []
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const response = await strict.call('PUT', '/api/v1/auth/password', {
          token: user.accessToken,
          body: { currentPassword: 'not this one', newPassword: NEW },
        })
        statuses.push(response.statusCode)
      }
      expect(statuses).toEqual([403, 403, 403, 429, 429])
    } finally {
      await strict.close()
    }
  })
})

describe('P12: hashing', () => {
  it('runs a limited number at once, queues a limited number and refuses the rest', async () => {
    const passwords = createPasswords({ concurrency: 2, queueMax: 3 })
    const attempts = Array.from({ length: 9 }, () => passwords.hash(PASSWORD))
    expect([passwords.running(), passwords.waiting()]).toEqual([2, 3])
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(5).fill('fulfilled'),
      ...Array(4).fill('rejected'),
    ])
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'OVERLOADED', statusCode: 503 } })
    expect([passwords.running(), passwords.waiting()]).toEqual([0, 0])
    expect(await passwords.verify(PASSWORD, await passwords.hash(PASSWORD))).toBe(true)
  })

  it('beyond the queue makes a login a 503 with Retry-After, and the next one succeeds', async () => {
    const small = await createAppOn(
      { ...service.database, drop: async () => {} },
      { HASH_CONCURRENCY: '1', HASH_QUEUE_MAX: '2' },
    )
    try {
      const { email } = await service.signUp()
      const login = () => small.call('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })
      const responses = await Promise.all(Array.from({ length: 30 }, login))
      const statuses = responses.map(response => response.statusCode)
      expect(statuses.filter(status => status !== 200 && status !== 503)).toEqual([])
      expect(statuses).toContain(200)
      for (const refused of responses.filter(({ statusCode }) => statusCode === 503)) {
        expect(refused.headers['retry-after']).toBe('1')
        expect(refused.json().code).toBe('OVERLOADED')
      }
      expect(statuses).toContain(503)
      expect((await login()).statusCode).toBe(200)
    } finally {
      await small.close()
    }
  })
})
