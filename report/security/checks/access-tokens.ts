/** Security checks of access tokens: how they are signed, and which ones are refused. */

import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import pg from 'pg'
import { NotVerified } from '../../errors.ts'
import type { HttpResponse } from '../../http.ts'
import { needsAdmin, needsToken, parametersOf, pathOf, takesBody } from '../../routes.ts'
import type { Sample } from '../../sweep/sample.ts'
import { type Actor, claimsOf, tokensOf } from '../actors.ts'
import type { ServiceCheck } from '../check.ts'
import { findPrivateKey, privatePartsOf } from '../private-keys.ts'
import { rowsWith } from '../rows.ts'

type Context = Parameters<ServiceCheck['run']>[0]

const ASYMMETRIC = /^(RS|PS|ES)(256|384|512)$|^EdDSA$/
const MAX_LIFETIME_S = 3600

export const jwtSigning: ServiceCheck = {
  id: 'jwt-signing',
  rank: 30,
  claim: 'JWT with {alg} signing and {life} expiry',
  source: 'ASVS 5.0 §9.1.1, RFC 9068 §2.1',
  needs: 'service',
  async run({ expect, actors, api }) {
    const { accessToken, client } = await actors.user()
    const { alg = 'none', kid = '', typ = '' } = decodeProtectedHeader(accessToken)
    const { iat = 0, exp = Number.POSITIVE_INFINITY } = decodeJwt(accessToken)
    const lifetime = exp - iat
    expect.fact('alg of an issued token', alg, 'an asymmetric signature', ASYMMETRIC.test(alg))
    expect.fact('typ of an issued token', typ, 'at+jwt', typ === 'at+jwt')
    expect.fact('exp - iat of an issued token', `${lifetime} s`, 'at most 1 h', lifetime <= MAX_LIFETIME_S)
    const keys = await client.call(...api.to('keys'))
    const published = (keys.json.keys ?? []) as { kid?: string }[]
    expect.response(
      keys,
      "the issued token's kid is published",
      published.some(key => key.kid === kid),
    )
    expect.status(await client.call(...api.to('me'), { sent: 'the issued token', token: accessToken }), 200)
    return { alg, life: lifetime % 60 === 0 ? `${lifetime / 60}min` : `${lifetime}s` }
  },
}

export const forgedTokens: ServiceCheck = {
  id: 'jwt-forged',
  rank: 70,
  claim: 'Forged, altered and foreign tokens refused ({count} kinds, {routes} routes)',
  source: 'RFC 8725 §3.1, ASVS 5.0 §9.1.2',
  needs: 'service',
  async run(context) {
    const actor = await context.actors.user()
    const [header = '', payload = '', signature = ''] = actor.accessToken.split('.')
    const claims = decodeJwt(actor.accessToken)
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    const { forge, forgeText } = context.actors
    const ownHeader = decodeProtectedHeader(actor.accessToken)
    const honest = {
      sent: 'the issued token, signed again',
      token: forgeText(ownHeader, JSON.stringify(claims)),
    }
    context.expect.status(await actor.client.call(...context.api.to('me'), honest), 200)
    return refuseAll(context, actor, {
      'alg none': `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
      'altered claims': `${header}.${encode({ ...claims, role: 'admin' })}.${signature}`,
      'signed with a foreign key under our kid': await forge(actor.accessToken, { key: privateKey }),
      'an unknown kid': await forge(actor.accessToken, { header: { kid: 'unknown' } }),
      'a kid that is a path': await forge(actor.accessToken, { header: { kid: '../../dev/null' } }),
      'a key in the header': await forge(actor.accessToken, {
        key: privateKey,
        header: { jwk: createPublicKey(publicKey).export({ format: 'jwk' }) },
      }),
      // The next three have a valid signature, so only their content can be the reason for the refusal.
      'a critical extension': forgeText({ ...ownHeader, crit: ['exp'] }, JSON.stringify(claims)),
      'the payload 0': forgeText(ownHeader, '0'),
      'the payload null': forgeText(ownHeader, 'null'),
      'a padded signature': `${actor.accessToken}=`,
      'no signature': `${header}.${payload}.`,
      'no token at all': 'x',
    })
  },
}

export const algorithmConfusion: ServiceCheck = {
  id: 'jwt-algorithm-confusion',
  rank: 80,
  claim: 'HS256 tokens keyed with the public key refused ({routes} routes)',
  source: 'RFC 8725 §2.1, §3.1',
  needs: 'service',
  async run(context) {
    const actor = await context.actors.user()
    const { kid } = decodeProtectedHeader(actor.accessToken)
    const [, payload = ''] = actor.accessToken.split('.')
    const pem = context.actors.publicKey()
    const sign = (key: string) => {
      const signed = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${payload}`
      return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
    }
    return refuseAll(context, actor, {
      'HS256 with the public key as PEM': sign(pem),
      'HS256 with the public key as PEM without its last line end': sign(pem.trim()),
      'HS256 with an empty key': sign(''),
    })
  },
}

export const tokenExpiry: ServiceCheck = {
  id: 'jwt-expiry',
  rank: 90,
  claim: 'Expired tokens refused ({routes} routes)',
  source: 'RFC 7519 §4.1.4, ASVS 5.0 §9.2.1',
  needs: 'service',
  async run(context) {
    const actor = await context.actors.user()
    const now = Math.floor(Date.now() / 1000)
    const { forge } = context.actors
    await expectExpiryOfCachedToken(context, actor, now)
    return refuseAll(context, actor, {
      'expired a minute ago': await forge(actor.accessToken, { claims: { iat: now - 960, exp: now - 60 } }),
      'no expiry': await forge(actor.accessToken, { claims: { exp: undefined as unknown as number } }),
      'not valid before tomorrow': await forge(actor.accessToken, { claims: { nbf: now + 86_400 } }),
    })
  },
}

/** The tolerated difference between clocks, in seconds. The service tolerates 5. */
const MAX_SKEW_S = 5

/** A token that was accepted just before its end, and may be cached, must be refused after its end. */
async function expectExpiryOfCachedToken({ actors, api, expect }: Context, actor: Actor, now: number) {
  const token = await actors.forge(actor.accessToken, {
    claims: { iat: now - 900, exp: now - MAX_SKEW_S + 2 },
  })
  const before = await actor.client.call(...api.to('me'), {
    sent: 'a token at its end, within the skew',
    token,
  })
  if (before.status !== 200) {
    expect.note({ ...before.exchange, expected: 'any status: no tolerance is valid too' })
    return
  }
  await sleep(3000)
  const after = await actor.client.call(...api.to('me'), {
    sent: 'the same token, three seconds later',
    token,
  })
  expect.status(after, 401)
}

export const tokenAudience: ServiceCheck = {
  id: 'jwt-audience',
  rank: 100,
  claim: 'Tokens for another audience, issuer or purpose refused ({routes} routes)',
  source: 'RFC 8725 §3.8, §3.9, §3.11',
  needs: 'service',
  async run(context) {
    const actor = await context.actors.user()
    const { forge } = context.actors
    return refuseAll(context, actor, {
      'another issuer': await forge(actor.accessToken, { claims: { iss: 'https://issuer.report.test' } }),
      'another audience': await forge(actor.accessToken, { claims: { aud: 'another-api' } }),
      'another type': await forge(actor.accessToken, { header: { typ: 'JWT' } }),
    })
  },
}

export const tokenLifetime: ServiceCheck = {
  id: 'token-lifetime',
  rank: 91,
  claim:
    'Access tokens end when their response says; longer and later ones refused ({count} ways to get one)',
  source: 'ASVS 5.0 §9.2.1, RFC 6749 §5.1, RFC 7519 §4.1.6',
  needs: 'service',
  async run(context) {
    const { actors, api } = context
    const actor = await actors.user()
    const body = api.body(api.route('login'), actor)
    const responses = {
      login: await actor.client.call(...api.to('login'), { body }),
      'login in browser mode': await actor.client.call(...api.to('login', undefined, '?cookie=true'), {
        body,
      }),
      refresh: await actor.client.call(...api.to('refresh'), {
        body: api.body(api.route('refresh'), actor),
      }),
    }
    for (const [what, response] of Object.entries(responses)) expectLifetime(context, what, response)
    const now = Math.floor(Date.now() / 1000)
    const { iat = now, exp = now } = claimsOf(actor.accessToken)
    const { forge } = actors
    await refuseAll(context, actor, {
      'valid for a day': await forge(actor.accessToken, { claims: { exp: iat + 86_400 } }),
      'valid for a hundred years': await forge(actor.accessToken, { claims: { exp: iat + 3_153_600_000 } }),
      'issued in an hour': await forge(actor.accessToken, {
        claims: { iat: now + 3600, exp: now + 3600 + exp - iat },
      }),
      'no time of issue': await forge(actor.accessToken, { claims: { iat: undefined as unknown as number } }),
    })
    return { count: String(Object.keys(responses).length) }
  },
}

/** The time of issue may be a second or two before the response, and the machine may be busy. */
const MAX_DELAY_S = 30

function expectLifetime({ expect }: Context, what: string, response: HttpResponse): void {
  const { iat = 0, exp = Number.POSITIVE_INFINITY } = claimsOf(tokensOf(response).accessToken)
  const announced = response.json.expiresIn ?? response.json.expires_in
  const lifetime = exp - iat
  const isShort = lifetime > 0 && lifetime <= MAX_LIFETIME_S
  expect.fact(`exp - iat of a token by ${what}`, `${lifetime} s`, 'at most 1 h', isShort)
  if (announced !== undefined) {
    const is = 'what the response announces'
    expect.fact(`exp - iat of a token by ${what}`, `${lifetime} s`, is, lifetime === announced)
  }
  const age = Math.abs(Date.now() / 1000 - iat)
  const found = age <= MAX_DELAY_S ? 'now' : `${Math.round(age)} s away`
  expect.fact(`iat of a token by ${what}`, found, 'now', age <= MAX_DELAY_S)
}

export const demotion: ServiceCheck = {
  id: 'demotion',
  rank: 191,
  claim: 'An admin who is demoted has no admin rights from the next refresh and login on ({count} routes)',
  source: 'ASVS 5.0 §8.3.2',
  needs: 'service',
  async run({ expect, actors, api, internals, routes }) {
    // Without parameters: the right is tried, not an object.
    const lists = routes.filter(
      route => route.method === 'GET' && needsAdmin(route) && !parametersOf(route).length,
    )
    if (lists.length === 0) throw new NotVerified('no route without parameters is for admins')
    const admin = await actors.admin()
    await demote(internals.query, admin, await actors.user())
    const refreshed = await admin.client.call(...api.to('refresh'), {
      body: api.body(api.route('refresh'), admin),
    })
    // A refused refresh ends the rights as well.
    const tokens = refreshed.status < 300 ? { 'a refresh': tokensOf(refreshed).accessToken } : {}
    const all = { ...tokens, 'a login': (await actors.logIn(admin)).accessToken }
    for (const route of lists) {
      const other = await actors.admin()
      const control = { sent: 'the token of an admin', token: other.accessToken }
      const allowed = await other.client.call(route.method, route.url, control)
      if (allowed.status >= 300) throw new NotVerified(`an admin's request was answered ${allowed.status}`)
      for (const [by, token] of Object.entries(all)) {
        const sent = `a token by ${by} after the demotion`
        expect.status(await admin.client.call(route.method, route.url, { sent, token }), 403)
      }
    }
    return { count: String(lists.length) }
  },
}

/** Gives the row of an admin the values that a user's row has, where the two differ by a role or the like. */
async function demote(query: Context['internals']['query'], admin: Actor, user: Actor): Promise<void> {
  const find = async ({ id }: Actor) => {
    const { rows } = await query<{ table: string }>(
      `select table_name as table from information_schema.columns
       where table_schema = current_schema() and column_name = 'id'`,
    )
    const tables = rows.map(({ table }) => table)
    return (await rowsWith(query, tables, [id])).find(({ row }) => row.id === id)
  }
  const [found, plain] = [await find(admin), await find(user)]
  if (!found || !plain) throw new NotVerified('the account has no row with its id')
  const rights = Object.keys(found.row).filter(
    name => /role|admin|scope|permission|right|staff/i.test(name) && found.row[name] !== plain.row[name],
  )
  if (rights.length === 0) throw new NotVerified('no column shows that an account is an admin')
  for (const name of rights) {
    const text = `update ${pg.escapeIdentifier(found.table)} set ${pg.escapeIdentifier(name)} = $2 where id = $1`
    await query(text, [admin.id, plain.row[name]])
  }
}

export const privateKeys: ServiceCheck = {
  id: 'jwks-private',
  rank: 31,
  claim: 'No private key in the key set or any other response ({routes} routes)',
  source: 'RFC 7517 §9.2, ASVS 5.0 §11.1.1',
  needs: 'service',
  async run({ expect, sweep, internals, api, http }) {
    const parts = privatePartsOf(internals.signingKey)
    const keys = await http.client().call(...api.to('keys'), { sent: 'the key set' })
    const isSet = keys.status === 200 && Array.isArray(keys.json.keys)
    if (!isSet) throw new NotVerified(`the response to the request for the key set was ${keys.status}`)
    const { samples } = await sweep()
    const isClean = ({ response: { text, headers } }: Pick<Sample, 'response'>) =>
      findPrivateKey(text, parts) === undefined &&
      findPrivateKey(JSON.stringify(headers), parts) === undefined
    expect.response(keys, 'public members only', isClean({ response: keys }))
    return { routes: String(expect.samples(samples, 'no private key', isClean).routes) }
  },
}

/** Expects 401 for every token on every route that needs one, and first 200 for the issued one. */
async function refuseAll(
  { expect, api, http, routes }: Context,
  actor: Actor,
  tokens: Record<string, string>,
) {
  const { client } = actor
  const honest = await client.call(...api.to('me'), { sent: 'the issued token', token: actor.accessToken })
  expect.status(honest, 200)
  const guarded = routes.filter(needsToken)
  for (const [sent, token] of Object.entries(tokens)) {
    expect.status(await client.call(...api.to('me'), { sent, token }), 401)
    const accepting: string[] = []
    for (const route of guarded) {
      const call = { sent, token, ...(takesBody(route) && { body: {} }) }
      const { status } = await http.client().call(route.method, pathOf(route), call)
      if (status !== 401) accepting.push(`${route.method} ${route.url} (${status})`)
    }
    expect.fact(`routes that accept ${sent}`, accepting.join(', ') || 'none', 'none', accepting.length === 0)
  }
  return { count: String(Object.keys(tokens).length), routes: String(guarded.length) }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
