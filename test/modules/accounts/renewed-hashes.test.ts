/** A stored hash with outdated parameters is replaced at the next login. */
import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ARGON2ID } from '../../../src/modules/accounts/passwords.ts'
import { createTestApp, PASSWORD, type TestApp } from '../../helpers/app.ts'

/** The library's number of the algorithm. */
const ARGON2I = 1

const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

/** Less memory than today: parameters that an older service may have used. */
const FORMER = { memoryCost: 4096, timeCost: 1, parallelism: 1 }

let service: TestApp

beforeAll(async () => {
  service = await createTestApp({ LOG_LEVEL: 'warn' })
})
afterAll(() => service.close())

const logIn = (email: string, password = PASSWORD) =>
  service.call('POST', '/api/v1/auth/login', { body: { email, password } })

async function userWith(passwordHash: string) {
  const user = await service.signUp()
  await service.database.query('update users set password_hash = $2 where id = $1', [user.id, passwordHash])
  return user
}

async function hashOf({ id }: { id: string }): Promise<string> {
  const { rows } = await service.database.query<{ password_hash: string }>(
    'select password_hash from users where id = $1',
    [id],
  )
  return rows[0]?.password_hash ?? ''
}

it.each([
  ['less memory', { ...ARGON2ID, memoryCost: 4096 }],
  ['fewer passes', { ...ARGON2ID, timeCost: 1 }],
  ['more lanes', { ...ARGON2ID, parallelism: 2 }],
  ['more memory', { ...ARGON2ID, memoryCost: 20_000 }],
  ['argon2i', { ...ARGON2ID, algorithm: ARGON2I }],
])('replaces a hash with %s', async (_what, options) => {
  const user = await userWith(await hash(PASSWORD, options))
  expect((await logIn(user.email)).statusCode).toBe(200)
  const renewed = await hashOf(user)
  expect(renewed).toMatch(CURRENT)
  expect((await logIn(user.email)).statusCode).toBe(200)
  expect(await hashOf(user)).toBe(renewed)
  expect((await logIn(user.email, `${PASSWORD}?`)).statusCode).toBe(401)
})

it('leaves the hash alone for a wrong password and for a disabled account', async () => {
  const former = await hash(PASSWORD, FORMER)
  const user = await userWith(former)
  expect((await logIn(user.email, `${PASSWORD}?`)).statusCode).toBe(401)
  await service.database.query('update users set disabled_at = now() where id = $1', [user.id])
  expect((await logIn(user.email)).statusCode).toBe(401)
  expect(await hashOf(user)).toBe(former)
})

it('ten logins at once all succeed, although each finds the outdated hash', async () => {
  const user = await userWith(await hash(PASSWORD, FORMER))
  const responses = await Promise.all(Array.from({ length: 10 }, () => logIn(user.email)))
  expect(responses.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200))
  expect(await hashOf(user)).toMatch(CURRENT)
})

it('a login succeeds when the new hash cannot be stored, and the log contains no hash', async () => {
  const former = await hash(PASSWORD, FORMER)
  const user = await userWith(former)
  await service.database.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
  )
  await service.database.query(
    'create trigger refuse before update of password_hash on users for each row execute function refuse()',
  )
  try {
    expect((await logIn(user.email)).statusCode).toBe(200)
  } finally {
    await service.database.query('drop trigger refuse on users')
  }
  expect(await hashOf(user)).toBe(former)
  const lines = service.log.filter(line => line.includes('was not renewed'))
  expect(lines).toHaveLength(1)
  expect(lines.join()).not.toContain('argon2id')
})

it.each(['', 'x', '$2b$12$abcdefghijklmnopqrstuv', '$argon2id$v=19$m=1', '$argon2id$v=19$m=19456,t=2,p=1$$'])(
  'an unreadable hash %j matches no password',
  async text => {
    const user = await userWith(text)
    const response = await logIn(user.email)
    expect([response.statusCode, response.json().code]).toEqual([401, 'INVALID_CREDENTIALS'])
  },
)
