/** P27: bad text is refused, not changed, and accepted text comes back byte for byte. */
import { Ajv } from 'ajv'
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { DisplayName } from '../src/lib/schemas.ts'
import { createTestApp } from './helpers/app.ts'
import { testConfig } from './helpers/config.ts'
import { createPathIds } from './helpers/fixtures.ts'
import { bodyOf, documentOf, fillPath, type Operation, operationsOf } from './helpers/openapi.ts'
import { createTokenFactory } from './helpers/tokens.ts'

const service = await createTestApp()
afterAll(service.close)

const operations = operationsOf(documentOf(service.app))
const user = await service.signUp()
const idFor = createPathIds(service, async () => user, user.id)
const tokenFor = createTokenFactory(testConfig(service.database.url))

/** Sends a request that passes the guard, so that a refusal is about the text. */
async function send(operation: Operation, rest: Pick<InjectOptions, 'payload'> & { query?: string }) {
  const role = operation['x-guard'].requires === 'admin' ? 'admin' : 'user'
  const token = await tokenFor({ userId: user.id, role })
  return service.app.inject({
    method: operation.method,
    url: fillPath(operation, await idFor(operation)) + (rest.query === undefined ? '' : `?${rest.query}`),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(rest.payload !== undefined && { payload: rest.payload }),
  })
}

/** JSON text of values that no body may contain. */
const BAD_VALUES: Record<string, string> = {
  'NUL in an escape': '"a\\u0000b"',
  'a lone high surrogate': '"a\\ud800"',
  'a lone low surrogate': '"\\udfffb"',
  'surrogates in the wrong order': '"\\udc00\\ud800"',
  'a number past 2^53': '9007199254740993',
  'a number past the range of a double': '1e400',
  'an object 5,000 levels deep': `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  'an array 5,000 levels deep': '['.repeat(5000) + ']'.repeat(5000),
  'a __proto__ of its own': '{"__proto__":{"role":"admin"}}',
  'a __proto__ in escapes': '{"\\u005f_proto__":{"role":"admin"}}',
  'a constructor with a prototype': '{"constructor":{"prototype":{"role":"admin"}}}',
  'a name twice': '{"a":1,"a":2}',
}

/** Bytes that are not UTF-8 (Unicode 17, table 3-7), and NUL. */
const BAD_BYTES: Record<string, number[]> = {
  'a byte that starts nothing': [0xff],
  'a sequence that is cut off': [0xe2, 0x82],
  'a slash in two bytes': [0xc0, 0xaf],
  'NUL in two bytes': [0xc0, 0x80],
  'a surrogate in three bytes': [0xed, 0xa0, 0x80],
  'a code point past U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'NUL itself': [0x00],
}

const withBody = operations.filter(operation => bodyOf(operation))

/** Returns an otherwise valid body, split at the value of a property. */
function bodyAround(operation: Operation, name: string): [string, string] {
  const example = { ...(bodyOf(operation)?.example as object), [name]: '@' }
  const [before = '', after = ''] = JSON.stringify(example).split('"@"')
  return [before, after]
}

describe.each(withBody.map(operation => [operation.name, operation] as const))(
  'P27: the body of %s',
  (_name, operation) => {
    const names = Object.keys(bodyOf(operation)?.schema.properties ?? {})

    it.each(Object.keys(BAD_VALUES))('is refused for %s in any place', async kind => {
      for (const name of [...names, 'unknown']) {
        const payload = bodyAround(operation, name).join(BAD_VALUES[kind])
        const response = await send(operation, { payload })
        expect(response.statusCode, `${name}: ${response.body}`).toBe(400)
        expect(response.json().code).toBe('BAD_REQUEST')
      }
    })

    it.each(Object.keys(BAD_BYTES))('is refused for %s in any string', async kind => {
      for (const name of names) {
        const [before, after] = bodyAround(operation, name)
        const payload = Buffer.concat([
          Buffer.from(`${before}"a`),
          Buffer.from(BAD_BYTES[kind] ?? []),
          Buffer.from(`b"${after}`),
        ])
        expect((await send(operation, { payload })).statusCode, name).toBe(400)
      }
    })

    it('is refused with a byte order mark, a name twice, or a name of our prototypes', async () => {
      const valid = JSON.stringify(bodyOf(operation)?.example)
      const [name = ''] = names
      const bodies = [
        Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(valid)]),
        valid.replace('{', `{"${name}":"x",`),
        valid.replace('{', `{"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}":"x",`),
        ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map(key =>
          valid.replace('{', `{"${key}":null,`),
        ),
      ]
      for (const payload of bodies)
        expect((await send(operation, { payload })).statusCode, String(payload)).toBe(400)
    })
  },
)

const queries = operations.flatMap(operation =>
  (operation.parameters ?? [])
    .filter(parameter => parameter.in === 'query')
    .map(({ name }) => [`${name} of ${operation.name}`, operation, name] as const),
)

describe('P27: the query parameter', () => {
  it.each(queries)(
    '%s is refused when it occurs twice, contains NUL or cannot be decoded',
    async (_title, operation, name) => {
      const payload = bodyOf(operation) && { payload: JSON.stringify(bodyOf(operation)?.example) }
      for (const query of [
        `${name}=1&${name}=1`,
        `${name}[]=1`,
        `${name}=%00`,
        `${name}=1%00`,
        `${name}=%ff`,
        `${name}=%ED%A0%80`,
        `${name}=9007199254740993`,
        `${name}=Infinity`,
        `${name}=NaN`,
        `__proto__=1`,
        'constructor=1',
      ]) {
        const response = await send(operation, { query, ...payload })
        expect(response.statusCode, query).toBe(400)
      }
    },
  )
})

const isDisplayName = new Ajv().compile(DisplayName)

/** Any Unicode that the schema accepts: also unassigned, combining, right to left, and outside the basic plane. */
const displayName = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  )
  .filter(name => isDisplayName(name))

/** Any password that the schema accepts and that is not a common one. */
const password = fc
  .string({ unit: 'binary', minLength: 12, maxLength: 128 })
  .filter(text => !text.includes('\0') && text.isWellFormed())
  .filter(text => Array.from(text.normalize('NFKC')).length <= 128)

describe('P27: what is accepted', () => {
  it('comes back byte for byte: a display name of any Unicode', async () => {
    await fc.assert(
      fc.asyncProperty(displayName, async name => {
        const payload = JSON.stringify({ displayName: name, email: user.email })
        const response = await service.app.inject({
          method: 'PUT',
          url: `/api/v1/users/${user.id}`,
          headers: { authorization: `Bearer ${user.accessToken}`, 'content-type': 'application/json' },
          payload,
        })
        expect(response.statusCode, response.body).toBe(200)
        expect(response.json().displayName).toBe(name)
        const { rows } = await service.database.query(
          'select convert_to(display_name, $2) as bytes from users where id = $1',
          [user.id, 'UTF8'],
        )
        expect(rows[0].bytes.equals(Buffer.from(name))).toBe(true)
      }),
      { numRuns: 300, seed: 27 },
    )
  })

  it('comes back byte for byte: a name and a password from registration to the profile', async () => {
    await fc.assert(
      fc.asyncProperty(displayName, password, async (name, secret) => {
        const email = `${crypto.randomUUID()}@example.com`
        const registered = await service.call('POST', '/api/v1/auth/register', {
          body: { email, password: secret, displayName: name },
        })
        expect(registered.statusCode, registered.body).toBe(201)
        const { accessToken } = await service.logIn(email, secret)
        const profile = await service.call('GET', '/api/v1/users/me', { token: accessToken })
        expect(profile.json()).toMatchObject({ email, displayName: name })
      }),
      { numRuns: 20, seed: 27 },
    )
  })

  it('is the password in any normal form of Unicode, but not in another case or without its spaces', async () => {
    const email = 'normal@example.com'
    const secret = ' ångström Ⅷ ﬁre '.normalize('NFC')
    await service.call('POST', '/api/v1/auth/register', {
      body: { email, password: secret, displayName: 'Ada' },
    })
    const login = async (text: string) =>
      (await service.call('POST', '/api/v1/auth/login', { body: { email, password: text } })).statusCode
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) expect(await login(secret.normalize(form))).toBe(200)
    for (const other of [secret.toUpperCase(), secret.trim()]) expect(await login(other)).toBe(401)
  })
})
