/** Probes of access tokens: how they are signed, and which are refused. */
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { type Actor, USERS } from '../actors.ts'
import type { ServiceProbe } from '../probe.ts'

type Context = Parameters<ServiceProbe['probe']>[0]

const ME = `${USERS}/me`
const ASYMMETRIC = /^(RS|PS|ES)(256|384|512)$|^EdDSA$/
const LONGEST_LIFE_S = 3600

export const jwtSigning: ServiceProbe = {
  id: 'jwt-signing',
  claim: 'JWT with {alg} signing and {life} expiry',
  source: 'ASVS 5.0 §9.1.1, RFC 9068 §2.1',
  needs: 'service',
  async probe({ checks, actors }) {
    const { accessToken, client } = await actors.user()
    const { alg = 'none', kid = '', typ = '' } = decodeProtectedHeader(accessToken)
    const { iat = 0, exp = Number.POSITIVE_INFINITY } = decodeJwt(accessToken)
    checks.fact('alg of an issued token', alg, 'an asymmetric signature', ASYMMETRIC.test(alg))
    checks.fact('typ of an issued token', typ, 'at+jwt', typ === 'at+jwt')
    checks.fact(
      'exp - iat of an issued token',
      `${exp - iat} s`,
      'an hour at most',
      exp - iat <= LONGEST_LIFE_S,
    )
    const keys = await client.call('GET', '/.well-known/jwks.json')
    const published = (keys.json.keys ?? []) as { kid?: string }[]
    checks.answer(
      keys,
      "the issued token's kid is published",
      published.some(key => key.kid === kid),
    )
    checks.status(await client.call('GET', ME, { sent: 'the issued token', token: accessToken }), 200)
    return { alg, life: lifeOf(exp - iat) }
  },
}

function lifeOf(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60}min` : `${seconds}s`
}

export const forgedTokens: ServiceProbe = {
  id: 'jwt-forged',
  claim: 'Forged, altered and foreign tokens refused ({count} kinds)',
  source: 'RFC 8725 §3.1, ASVS 5.0 §9.1.2',
  needs: 'service',
  async probe(context) {
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
      sent: 'the issued token, signed anew',
      token: forgeText(ownHeader, JSON.stringify(claims)),
    }
    context.checks.status(await actor.client.call('GET', ME, honest), 200)
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
      // What follows bears our signature: only what it says can be the reason to refuse it.
      'a critical extension': forgeText({ ...ownHeader, crit: ['exp'] }, JSON.stringify(claims)),
      'the payload 0': forgeText(ownHeader, '0'),
      'the payload null': forgeText(ownHeader, 'null'),
      'a padded signature': `${actor.accessToken}=`,
      'no signature': `${header}.${payload}.`,
      'no token at all': 'x',
    })
  },
}

export const algorithmConfusion: ServiceProbe = {
  id: 'jwt-algorithm-confusion',
  claim: 'HS256 tokens keyed with the public key refused',
  source: 'RFC 8725 §2.1, §3.1',
  needs: 'service',
  async probe(context) {
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

export const tokenExpiry: ServiceProbe = {
  id: 'jwt-expiry',
  claim: 'Expired tokens refused',
  source: 'RFC 7519 §4.1.4, ASVS 5.0 §9.2.1',
  needs: 'service',
  async probe(context) {
    const actor = await context.actors.user()
    const now = Math.floor(Date.now() / 1000)
    const { forge } = context.actors
    await expiresWhileRemembered(context, actor, now)
    return refuseAll(context, actor, {
      'expired a minute ago': await forge(actor.accessToken, { claims: { iat: now - 960, exp: now - 60 } }),
      'no expiry': await forge(actor.accessToken, { claims: { exp: undefined as unknown as number } }),
      'not valid before tomorrow': await forge(actor.accessToken, { claims: { nbf: now + 86_400 } }),
    })
  },
}

/** No service should let clocks differ by more than a token lives; ours lets them by 5 s. */
const LONGEST_SKEW_S = 5

/** A token that was accepted a moment before its end, and so may be remembered, is refused after it. */
async function expiresWhileRemembered({ actors, checks }: Context, actor: Actor, now: number): Promise<void> {
  const token = await actors.forge(actor.accessToken, {
    claims: { iat: now - 900, exp: now - LONGEST_SKEW_S + 2 },
  })
  const before = await actor.client.call('GET', ME, { sent: 'a token at its end, within the skew', token })
  if (before.status !== 200) {
    checks.note({ ...before.exchange, expected: 'no tolerance is fine as well' })
    return
  }
  await new Promise(resolve => setTimeout(resolve, 3000))
  checks.status(
    await actor.client.call('GET', ME, { sent: 'the same token, three seconds later', token }),
    401,
  )
}

export const tokenAudience: ServiceProbe = {
  id: 'jwt-audience',
  claim: 'Tokens for another audience, issuer or purpose refused',
  source: 'RFC 8725 §3.8, §3.9, §3.11',
  needs: 'service',
  async probe(context) {
    const actor = await context.actors.user()
    const { forge } = context.actors
    return refuseAll(context, actor, {
      'another issuer': await forge(actor.accessToken, { claims: { iss: 'https://issuer.report.test' } }),
      'another audience': await forge(actor.accessToken, { claims: { aud: 'another-api' } }),
      'another type': await forge(actor.accessToken, { header: { typ: 'JWT' } }),
    })
  },
}

/** Every token must be a 401 where the honest one is a 200. */
async function refuseAll({ checks }: Context, actor: Actor, tokens: Record<string, string>) {
  const { client } = actor
  const honest = await client.call('GET', ME, { sent: 'the issued token', token: actor.accessToken })
  checks.status(honest, 200)
  for (const [sent, token] of Object.entries(tokens)) {
    checks.status(await client.call('GET', ME, { sent, token }), 401)
  }
  return { count: String(Object.keys(tokens).length) }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
