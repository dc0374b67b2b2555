/** P11: neither a response nor its time reveals who has an account. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'
import { spreadOfMedians } from '../../helpers/statistics.ts'

const WRONG = 'wrong horse battery staple'

/** All have the same length, so that no header differs because of it. */
const KNOWN = 'known-account-aaaa@example.com'
const UNKNOWN = 'unknown-address-bb@example.com'
const DISABLED = 'disabled-accountcc@example.com'

let service: TestApp

beforeAll(async () => {
  service = await createTestApp()
  await service.signUp({ email: KNOWN })
  const { id } = await service.signUp({ email: DISABLED })
  await service.database.query('update users set disabled_at = now() where id = $1', [id])
})
afterAll(() => service.close())

const logIn = (email: string, password: string) =>
  service.call('POST', '/api/v1/auth/login', { body: { email, password } })
const register = (email: string) =>
  service.call('POST', '/api/v1/auth/register', {
    body: { email, password: PASSWORD, displayName: 'Ada Lovelace' },
  })
const fresh = () => `${crypto.randomUUID().slice(0, 18)}@example.com`

const refusals = {
  'a known account with a wrong password': () => logIn(KNOWN, WRONG),
  'an unknown account': () => logIn(UNKNOWN, WRONG),
  'a disabled account with a wrong password': () => logIn(DISABLED, WRONG),
  'a disabled account with its own password': () => logIn(DISABLED, PASSWORD),
}

type ApiResponse = Awaited<ReturnType<typeof logIn>>

/** Returns the response without the headers and the text that identify the request. */
function withoutRequest({ statusCode, headers, body }: ApiResponse) {
  const { 'x-request-id': requestId, traceresponse, date, ...rest } = headers
  expect([requestId, traceresponse, date]).toEqual([
    expect.any(String),
    expect.any(String),
    expect.any(String),
  ])
  return { statusCode, headers: rest, body: body.replaceAll(String(requestId), 'request') }
}

describe('login', () => {
  it('P11: known, unknown and disabled accounts are refused in the same bytes', async () => {
    const responses = await Promise.all(Object.values(refusals).map(refuse => refuse()))
    const [first, ...others] = responses.map(withoutRequest)
    expect(first).toMatchObject({ statusCode: 401, body: expect.stringContaining('INVALID_CREDENTIALS') })
    for (const other of others) expect(other).toEqual(first)
  })

  it('P11: passwords that no account can have are refused in the same bytes too', async () => {
    const responses = [
      logIn(KNOWN, 'x'),
      logIn(UNKNOWN, 'x'),
      logIn(KNOWN, 'x'.repeat(128)),
      logIn(KNOWN, WRONG),
    ]
    const [first, ...others] = (await Promise.all(responses)).map(withoutRequest)
    for (const other of others) expect(other).toEqual(first)
  })

  it('P11: the medians of their times lie within 5 %', async () => {
    const spread = await spreadOfMedians(Object.values(refusals), { share: 0.05, rounds: 40, batches: 10 })
    expect(spread).toBeLessThanOrEqual(0.05)
  })
})

describe('registration', () => {
  /** Returns the keys in their order, with the form of each value. */
  const shapeOf = (response: ApiResponse) =>
    Object.entries(response.json().user as Record<string, string>).map(([key, value]) => [
      key,
      value.replace(/[0-9a-f-]{36}/, 'uuid').replace(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/, 'instant'),
    ])

  it('P11: a taken address gets the same response as a free one, and nothing changes', async () => {
    const before = (await service.database.query('select * from users order by id')).rows
    const taken = await register(KNOWN.toUpperCase())
    expect((await service.database.query('select * from users order by id')).rows).toEqual(before)

    const email = 'FREE!-ACCOUNT-DDDD@EXAMPLE.COM'
    const free = await register(email)
    expect(taken.statusCode).toBe(201)
    expect(shapeOf(taken)).toEqual(
      shapeOf(free).map(([key, value]) => [key, value === email ? KNOWN.toUpperCase() : value]),
    )
    expect(Object.keys(taken.headers)).toEqual(Object.keys(free.headers))
    expect(taken.headers['content-length']).toBe(free.headers['content-length'])
    expect(taken.json().user.createdAt).toBe(taken.json().user.updatedAt)
  })

  it('P11: an attempt to take an address is recorded, without the address', async () => {
    await register(KNOWN)
    const { rows } = await service.database.query(
      'select type, user_id, detail from audit_events order by id desc limit 1',
    )
    expect(rows).toEqual([
      { type: 'user.register_refused', user_id: null, detail: { reason: 'e-mail address taken' } },
    ])
  })

  it('P11: the medians of their times lie within 5 %', async () => {
    const attempts = [() => register(KNOWN), () => register(fresh())]
    const spread = await spreadOfMedians(attempts, { share: 0.05, rounds: 40, batches: 10 })
    expect(spread).toBeLessThanOrEqual(0.05)
  })
})
