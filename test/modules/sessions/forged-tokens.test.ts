/** P6: access tokens that others made, or that were made for another purpose (RFC 8725, RFC 9068). */
import { createHmac, createPrivateKey, createSign, generateKeyPairSync, randomUUID } from 'node:crypto'
import { decodeProtectedHeader, exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { createTestApp, type TestApp } from '../../helpers/app.ts'
import { privateKey, publicKey } from '../../helpers/config.ts'
import { claimsOf } from '../../helpers/tokens.ts'

let service: TestApp
let genuine: string
let header: Record<string, unknown>
let claims: Record<string, unknown>

beforeAll(async () => {
  service = await createTestApp()
  genuine = (await service.signUp()).accessToken
  header = { ...decodeProtectedHeader(genuine) }
  claims = { ...claimsOf(genuine) }
})
afterAll(() => service.close())

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Returns a token with any header and payload, signed with our own key by default. */
function sign(
  payload: unknown,
  changes: Record<string, unknown> = {},
  key = privateKey,
  hash = 'RSA-SHA256',
) {
  const input = `${part({ ...header, ...changes })}.${typeof payload === 'string' ? payload : part(payload)}`
  return `${input}.${createSign(hash).update(input).sign(createPrivateKey(key)).toString('base64url')}`
}

const withClaims = (changes: Record<string, unknown>) => sign({ ...claims, ...changes })
const without = (claim: string) => sign({ ...claims, [claim]: undefined })
const now = () => Math.floor(Date.now() / 1000)

async function expectRefused(token: string, url = '/api/v1/users/me') {
  const response = await service.call('GET', url, { token })
  expect(response.statusCode, response.body).toBe(401)
  expect(response.headers['content-type']).toBe('application/problem+json')
  expect(response.headers['www-authenticate']).toBe('Bearer')
  expect(response.json()).toMatchObject({ code: 'UNAUTHORIZED', status: 401 })
}

/** Tests that each token of a table is refused; the names say what is wrong. */
function refuses(cases: Record<string, () => string>) {
  it.each(Object.entries(cases))('P6: refuses %s', async (_name, forge) => {
    await expectRefused(forge())
  })
}

it('P6: accepts the token that the forgeries are based on', async () => {
  for (const token of [genuine, sign(claims), withClaims({ aud: ['someone', `${SERVICE_NAME}-api`] })]) {
    expect((await service.call('GET', '/api/v1/users/me', { token })).statusCode).toBe(200)
  }
})

describe('signatures', () => {
  const foreign = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const hmac = (secret: string, changes = {}) => {
    const input = `${part({ ...header, alg: 'HS256', ...changes })}.${part(claims)}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const tail = (text: string) => text.split('.').slice(0, 2).join('.')

  refuses({
    'alg none without a signature': () => `${part({ ...header, alg: 'none' })}.${part(claims)}.`,
    'alg NONE in capitals': () => `${part({ ...header, alg: 'NONE' })}.${part(claims)}.`,
    'alg none with the genuine signature': () =>
      `${part({ ...header, alg: 'none' })}.${part(claims)}.${genuine.split('.')[2]}`,
    'RS256 without a signature': () => `${tail(genuine)}.`,
    'HS256 signed with the public key': () => hmac(publicKey),
    'HS256 signed with the public key without its line end': () => hmac(publicKey.trim()),
    'HS256 signed with the empty secret': () => hmac(''),
    'HS256 signed with the key id': () => hmac(String(header.kid)),
    'RS384 signed with our key': () => sign(claims, { alg: 'RS384' }, privateKey, 'RSA-SHA384'),
    'RS512 signed with our key': () => sign(claims, { alg: 'RS512' }, privateKey, 'RSA-SHA512'),
    'RS256 in lower case': () => sign(claims, { alg: 'rs256' }),
    'no algorithm': () => sign(claims, { alg: undefined }),
    'a list of algorithms': () => sign(claims, { alg: ['RS256'] }),
    "someone else's key under our key id": () => sign(claims, {}, foreign.privateKey),
    'a changed payload': () =>
      `${part(header)}.${part({ ...claims, role: 'admin' })}.${genuine.split('.')[2]}`,
    'a padded signature': () => `${genuine}=`,
    'a doubly padded signature': () => `${genuine}==`,
    'a signature with a line end': () => `${genuine}\n`,
    'a truncated signature': () => genuine.slice(0, -4),
    'a signature with a byte more': () => `${genuine}AAAA`,
  })

  it('P6: refuses a key that the token contains or links to', async () => {
    const jwk = { ...(await exportJWK(createPrivateKey(foreign.privateKey))), kid: 'mine' }
    const { d, p, q, dp, dq, qi, ...publicJwk } = jwk
    expect([d, p, q, dp, dq, qi]).not.toContain(undefined)
    for (const kid of [header.kid, 'mine', undefined]) {
      for (const injected of [
        { jwk: publicJwk },
        { jku: 'https://attacker.example/jwks.json' },
        { x5u: 'https://attacker.example/cert.pem' },
        { x5c: [Buffer.from(foreign.publicKey).toString('base64')] },
      ]) {
        await expectRefused(sign(claims, { kid, ...injected }, foreign.privateKey))
      }
    }
  })
})

describe('headers', () => {
  refuses({
    'an unknown key id': () => sign(claims, { kid: 'unknown' }),
    'no key id': () => sign(claims, { kid: undefined }),
    'a key id that is an object': () => sign(claims, { kid: { toString: 'x' } }),
    'a key id that is a list': () => sign(claims, { kid: [header.kid] }),
    'a key id that is a path': () => sign(claims, { kid: '../../../../dev/null' }),
    'a key id that is SQL': () => sign(claims, { kid: "' or 1=1 --" }),
    'a key id out of the prototype': () => sign(claims, { kid: '__proto__' }),
    'the key id constructor': () => sign(claims, { kid: 'constructor' }),
    'a critical extension': () => sign(claims, { crit: ['exp'] }),
    'an unknown critical extension': () =>
      sign(claims, { crit: ['http://example.com/x'], 'http://example.com/x': 1 }),
    'an empty list of critical extensions': () => sign(claims, { crit: [] }),
    'critical extensions that are null': () => sign(claims, { crit: null }),
    'an unencoded payload': () => sign(claims, { b64: false, crit: ['b64'] }),
    'typ JWT': () => sign(claims, { typ: 'JWT' }),
    'typ logout+jwt': () => sign(claims, { typ: 'logout+jwt' }),
    'no typ': () => sign(claims, { typ: undefined }),
    'typ 1': () => sign(claims, { typ: 1 }),
  })
})

describe('claims', () => {
  refuses({
    "someone else's issuer": () => withClaims({ iss: 'https://attacker.example' }),
    'an issuer that ours begins': () => withClaims({ iss: `${SERVICE_NAME}.attacker.example` }),
    'a list of issuers': () => withClaims({ iss: [SERVICE_NAME] }),
    "someone else's audience": () => withClaims({ aud: 'another-api' }),
    'an empty list of audiences': () => withClaims({ aud: [] }),
    'an audience that is an object': () => withClaims({ aud: { 0: `${SERVICE_NAME}-api` } }),
    'a token that expired before the skew': () => withClaims({ exp: now() - 7 }),
    'an expiry that is a text': () => withClaims({ exp: String(now() + 600) }),
    'an expiry that is null': () => withClaims({ exp: null }),
    'a token that is not valid yet': () => withClaims({ nbf: now() + 8 }),
    'a start that is a text': () => withClaims({ nbf: 'yesterday' }),
    'a token made in the future': () => withClaims({ iat: now() + 8, exp: now() + 600 }),
    'a token older than any that we make, however late it ends': () =>
      withClaims({ iat: now() - 15 * 60 - 7, exp: now() + 600 }),
    'a time of issue that is a text': () => withClaims({ iat: String(now()) }),
    'a session that is an object': () => withClaims({ sid: {} }),
    'a session that is a list': () => withClaims({ sid: [claims.sid] }),
    'a session that is a number': () => withClaims({ sid: 1 }),
    'a session that is no UUID': () => withClaims({ sid: 'session' }),
    'a subject that is no UUID': () => withClaims({ sub: "x' or '1'='1" }),
    'a subject that is a number': () => withClaims({ sub: 42 }),
    'a subject that is null': () => withClaims({ sub: null }),
    'an unknown role': () => withClaims({ role: 'root' }),
    'a role that is a list': () => withClaims({ role: ['admin'] }),
    'a token id that is no UUID': () => withClaims({ jti: 7 }),
  })

  it.each(['iss', 'aud', 'sub', 'sid', 'role', 'jti', 'iat', 'exp'])(
    'P6: refuses a token without %s',
    async claim => {
      await expectRefused(without(claim))
    },
  )

  it('P6: no claim but the role opens an admin route', async () => {
    for (const changes of [{ roles: ['admin'] }, { admin: true }, { scope: 'admin' }, { Role: 'admin' }]) {
      const response = await service.call('GET', '/api/v1/users', { token: withClaims(changes) })
      expect(response.statusCode).toBe(403)
    }
    await expectRefused(withClaims({ role: 'ADMIN' }), '/api/v1/users')
  })

  it('P6: clocks may differ by a few seconds', async () => {
    for (const changes of [{ exp: now() - 2 }, { nbf: now() + 2 }, { iat: now() + 2 }]) {
      const response = await service.call('GET', '/api/v1/users/me', { token: withClaims(changes) })
      expect(response.statusCode).toBe(200)
    }
  })

  it('P6: a token that was accepted before is refused when it has expired', async () => {
    const token = withClaims({ exp: now() - 3 })
    const statusOf = async () => (await service.call('GET', '/api/v1/users/me', { token })).statusCode
    expect(await statusOf()).toBe(200)
    await expect.poll(statusOf, { timeout: 10_000 }).toBe(401)
    expect(now()).toBeGreaterThanOrEqual((claimsOf(token).exp ?? 0) + 5)
  })

  it('P6: a valid token of an unknown user gets 404', async () => {
    const response = await service.call('GET', '/api/v1/users/me', {
      token: withClaims({ sub: randomUUID() }),
    })
    expect(response.statusCode).toBe(404)
  })
})

describe('shapes', () => {
  const payloads = ['0', 'null', 'true', '[]', '""', '"text"', '[1,2]', '{', '', '{"a":1', '\u0000']
  it.each(payloads)('P6: refuses the signed payload %j', async text => {
    await expectRefused(sign(Buffer.from(text).toString('base64url')))
  })

  refuses({
    'one part': () => genuine.split('.')[0] ?? '',
    'two parts': () => genuine.split('.').slice(0, 2).join('.'),
    'four parts': () => `${genuine}.AAAA`,
    'five parts, as an encrypted token has': () => 'AA.BB.CC.DD.EE',
    'empty parts': () => '..',
    'dots alone': () => '.'.repeat(1000),
    'an empty header': () => genuine.replace(/^[^.]+/, ''),
    'a header that is a number': () => genuine.replace(/^[^.]+/, part(1)),
    'a header that is null': () => genuine.replace(/^[^.]+/, part(null)),
    'a header that is not JSON': () => genuine.replace(/^[^.]+/, 'AAAA'),
    'a token of 100 kB': () => withClaims({ filler: 'x'.repeat(100_000) }).slice(0, 100_000),
    'a 100 kB token without dots': () => 'A'.repeat(100_000),
    'deeply nested claims whose signature is wrong': () =>
      `${part(header)}.${Buffer.from('['.repeat(50_000)).toString('base64url')}.AAAA`,
    'bytes that are not UTF-8': () => sign(Buffer.from([0xff, 0xfe, 0x7b]).toString('base64url')),
    'standard base64 instead of base64url': () =>
      `${part(header)}.${Buffer.from(JSON.stringify({ ...claims, x: '>>>???' })).toString('base64')}.AAAA`,
  })

  it('P6: refuses every Authorization header but "Bearer" and one token', async () => {
    const values = [
      '',
      'Bearer',
      'Bearer ',
      `Bearer ${genuine} `,
      `Bearer ${genuine} ${genuine}`,
      `Bearer\t${genuine}`,
      `Bearer,${genuine}`,
      `Bearer "${genuine}"`,
      `Bearer ${genuine},Bearer ${genuine}`,
      `Basic ${genuine}`,
      `Token ${genuine}`,
      genuine,
      'Bearer null',
      'Bearer undefined',
      'Bearer [object Object]',
    ]
    for (const authorization of values) {
      const response = await service.call('GET', '/api/v1/users/me', { headers: { authorization } })
      expect(response.statusCode, authorization.slice(0, 40)).toBe(401)
      expect(response.headers['content-type']).toBe('application/problem+json')
    }
  })

  it('P6: a token in a query or a cookie is ignored', async () => {
    const inQuery = await service.call('GET', `/api/v1/users/me?access_token=${genuine}&token=${genuine}`)
    const inCookie = await service.call('GET', '/api/v1/users/me', {
      headers: { cookie: `token=${genuine}; accessToken=${genuine}` },
    })
    expect([inQuery.statusCode, inCookie.statusCode]).toEqual([401, 401])
  })
})

it('P6: an access token is no refresh token, and the other way round', async () => {
  const { refreshToken } = await service.signUp()
  await expectRefused(refreshToken)
  expect((await service.refresh(genuine)).statusCode).toBe(400)
})
