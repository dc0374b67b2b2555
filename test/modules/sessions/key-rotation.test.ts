/** P7: signing keys change without a gap, and tokens of a removed key are refused. */
import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSigningKey } from '../../../harness/signing-key.ts'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { createAppOn, type TestApp, type Tokens } from '../../helpers/app.ts'
import { cloneDatabase, type TestDatabase } from '../../helpers/database.ts'

type Instance = Omit<TestApp, 'database'>

let database: TestDatabase
const oldKey = createSigningKey()
const newKey = createSigningKey()
const instances: Instance[] = []

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(async () => {
  for (const instance of instances) await instance.close()
  await database.drop()
})

async function start(signing: typeof oldKey, ...accepted: (typeof oldKey)[]): Promise<Instance> {
  const publicKeys = accepted.map(key => key.publicKey).join('')
  const instance = await createAppOn(
    { ...database, drop: async () => {} },
    { JWT_PRIVATE_KEY: signing.privateKey, ...(publicKeys && { JWT_PUBLIC_KEYS: publicKeys }) },
  )
  instances.push(instance)
  return instance
}

const statusOf = async (instance: Instance, token: string) =>
  (await instance.call('GET', '/api/v1/users/me', { token })).statusCode
const keysOf = async (instance: Instance) =>
  (await instance.call('GET', '/.well-known/jwks.json')).json().keys

/** Verifies a token by the published key set alone, as another service would, and returns its claims. */
async function verify(instance: Instance, { accessToken }: Tokens) {
  const keySet = createLocalJWKSet({ keys: await keysOf(instance) })
  return jwtVerify(accessToken, keySet, {
    issuer: SERVICE_NAME,
    audience: `${SERVICE_NAME}-api`,
    typ: 'at+jwt',
    algorithms: ['RS256'],
  })
}

it('P7: tokens of the old and the new key are accepted until the old key is removed', async () => {
  const before = await start(oldKey)
  const announcing = await start(oldKey, newKey)
  const signing = await start(newKey, oldKey)
  const after = await start(newKey)
  const user = await before.signUp()
  const renewed = await signing.logIn(user.email)

  // First step: instances that still sign with the old key already accept the new one.
  expect((await keysOf(announcing)).length).toBe(2)
  for (const instance of [announcing, signing]) {
    expect(await statusOf(instance, user.accessToken)).toBe(200)
    expect(await statusOf(instance, renewed.accessToken)).toBe(200)
    await verify(instance, user)
    await verify(instance, renewed)
  }
  expect(await statusOf(before, renewed.accessToken)).toBe(401)

  // Last step: the old key is removed.
  expect(await statusOf(after, user.accessToken)).toBe(401)
  expect(await statusOf(after, renewed.accessToken)).toBe(200)
  await expect(verify(after, user)).rejects.toThrow()
  await verify(after, renewed)
  // The session does not depend on the key: it goes on.
  const refreshed = await after.refresh(user.refreshToken)
  expect(refreshed.statusCode).toBe(200)
  expect(await statusOf(after, refreshed.json().accessToken)).toBe(200)
})

it('P7: the key set has each key once, for signatures, without a private part', async () => {
  const instance = await start(newKey, oldKey, newKey)
  const response = await instance.call('GET', '/.well-known/jwks.json')
  expect(response.headers['cache-control']).toBe('public, max-age=300')
  const keys = response.json().keys as Record<string, string>[]
  expect(keys).toHaveLength(2)
  expect(new Set(keys.map(key => key.kid)).size).toBe(2)
  for (const key of keys) {
    expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
    expect(key).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' })
  }
})

it('P7: every instance gives a key the same id, whether it signs or only verifies', async () => {
  const kids = async (instance: Instance) =>
    (await keysOf(instance)).map((key: { kid: string }) => key.kid).sort()
  expect(await kids(await start(oldKey, newKey))).toEqual(await kids(await start(newKey, oldKey)))
})
