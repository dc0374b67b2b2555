/** P10: each route accepts its own fields and refuses all others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'

let service: TestApp
let user: Awaited<ReturnType<TestApp['signUp']>>

beforeAll(async () => {
  service = await createTestApp()
  user = await service.signUp()
})
afterAll(() => service.close())

/** Columns that no client may set, and keys that would change an object's prototype. */
const FIELDS: Record<string, string> = {
  role: '"admin"',
  id: '"00000000-0000-4000-8000-000000000000"',
  ownerId: '"00000000-0000-4000-8000-000000000000"',
  userId: '"00000000-0000-4000-8000-000000000000"',
  sessionId: '"00000000-0000-4000-8000-000000000000"',
  disabledAt: 'null',
  disabled_at: 'null',
  passwordHash: '"$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"',
  password_hash: '"$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"',
  createdAt: '"2000-01-01T00:00:00.000Z"',
  updatedAt: '"2000-01-01T00:00:00.000Z"',
  expiresAt: '"2999-01-01T00:00:00.000Z"',
  isAdmin: 'true',
  constructor: '{"prototype":{"role":"admin"}}',
}
// In a literal, __proto__ would set the prototype, not a key.
const fields = [...Object.entries(FIELDS), ['__proto__', '{"role":"admin"}'] as const]

const bodies = {
  'POST /api/v1/auth/register': () => ({
    email: 'mallory@example.com',
    password: PASSWORD,
    displayName: 'Mallory',
  }),
  'POST /api/v1/auth/login': () => ({ email: user.email, password: PASSWORD }),
  'POST /api/v1/auth/refresh': () => ({ refreshToken: user.refreshToken }),
  'PUT /api/v1/auth/password': () => ({ currentPassword: PASSWORD, newPassword: `${PASSWORD} again` }),
  'PUT /api/v1/users/:id': () => ({ displayName: 'Mallory', email: user.email }),
}

/** Returns all rows that the bodies could change. */
async function state() {
  const read = async (text: string) => (await service.database.query(text)).rows
  return [
    await read('select * from users order by id'),
    await read('select * from sessions order by id'),
    await read('select * from refresh_tokens order by token_hash'),
  ]
}

describe.each(Object.entries(bodies))('%s', (route, body) => {
  it.each(fields)('P10: refuses %s in the body, and changes nothing', async (field, value) => {
    const [method, url = ''] = route.split(' ') as ['POST' | 'PUT', string]
    const before = await state()
    const text = `${JSON.stringify(body()).slice(0, -1)},${JSON.stringify(field)}:${value}}`

    const response = await service.app.inject({
      method,
      url: url.replace(':id', user.id),
      headers: { authorization: `Bearer ${user.accessToken}`, 'content-type': 'application/json' },
      payload: text,
    })

    expect(response.statusCode, response.body).toBe(400)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(await state()).toEqual(before)
    expect(({} as Record<string, unknown>).role).toBeUndefined()
  })

  it('P10: the same body without the field is accepted', async () => {
    const [method, url = ''] = route.split(' ') as ['POST' | 'PUT', string]
    const response = await service.call(method, url.replace(':id', user.id), {
      token: user.accessToken,
      body: body(),
    })
    expect(response.statusCode).toBeLessThan(300)
  })
})

it('P10: refuses unknown fields of a query', async () => {
  const list = await service.call('GET', '/api/v1/auth/sessions?userId=1', { token: user.accessToken })
  const login = await service.call('POST', '/api/v1/auth/login?role=admin', {
    body: { email: user.email, password: PASSWORD },
  })
  expect([list.statusCode, login.statusCode]).toEqual([400, 400])
})
