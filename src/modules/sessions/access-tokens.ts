/** Access tokens: RS256 JWTs of the profile RFC 9068, signed off the event loop, and the keys that verify them. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Config } from '../../config/config.ts'

/** What a token says. `sid` names its session, `iat` and `exp` are in seconds. */
export type AccessClaims = {
  sub: string
  sid: string
  role: 'user' | 'admin'
  jti: string
  iat: number
  exp: number
}

export const TOKEN_TYPE = 'at+jwt'
export const ALGORITHM = 'RS256' as const

/** Seconds that clocks may differ by: RFC 7519 §4.1.4 allows for "a few minutes, usually"; NTP keeps to far less. */
export const CLOCK_SKEW_SECONDS = 5

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Subject = { userId: string; sessionId: string; role: AccessClaims['role'] }

/**
 * Signs tokens with the configured key. jose signs in libuv's threads: a signature costs 0.3 ms with 2048 bits and
 * 1.4 ms with 3072, which the event loop would stand still for.
 */
export function createAccessTokens(config: Config['jwt']) {
  const kid = thumbprint(createPublicKey(config.privateKey))

  /** A token, and the seconds that it lives: the configured life, or what is left of its session. */
  return async function signAccessToken({ userId, sessionId, role }: Subject, sessionEndsAt: Date) {
    const iat = Math.floor(Date.now() / 1000)
    const sessionLeft = Math.max(0, Math.floor(sessionEndsAt.getTime() / 1000) - iat)
    const expiresIn = Math.min(Math.floor(config.accessTokenTtl / 1000), sessionLeft)
    const accessToken = await new SignJWT({ sid: sessionId, role })
      .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid })
      .setIssuer(config.issuer)
      .setAudience(config.audience)
      .setSubject(userId)
      .setJti(crypto.randomUUID())
      .setIssuedAt(iat)
      .setExpirationTime(iat + expiresIn)
      .sign(config.privateKey)
    return { accessToken, expiresIn }
  }
}

/**
 * Whether the claims of a verified token are of the shape that we issue, made no later than now and for no longer
 * than `lifetime` milliseconds: a signature tells who made a token, not that it was made for this. What holds once
 * holds for good.
 */
export function areAccessClaims(claims: object, lifetime: number): claims is AccessClaims {
  const { sub, sid, jti, role, iat, exp } = claims as Record<string, unknown>
  return (
    [sub, sid, jti].every(id => typeof id === 'string' && UUID.test(id)) &&
    (role === 'user' || role === 'admin') &&
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    iat <= Date.now() / 1000 + CLOCK_SKEW_SECONDS &&
    exp - iat <= lifetime / 1000
  )
}

/** The public keys that tokens may be verified with, by key id: the signing key's own and the further ones. */
export function verificationKeys(config: Config['jwt']): Map<string, KeyObject> {
  const keys = [createPublicKey(config.privateKey), ...config.publicKeys]
  return new Map(keys.map(key => [thumbprint(key), key]))
}

/** The keys as a JSON Web Key Set (RFC 7517). */
export function jwks(keys: Map<string, KeyObject>) {
  return {
    keys: [...keys].map(([kid, key]) => {
      const { n = '', e = '' } = key.export({ format: 'jwk' })
      return { kty: 'RSA' as const, use: 'sig' as const, alg: ALGORITHM, kid, n, e }
    }),
  }
}

/** RFC 7638: the SHA-256 of the key's required members in lexical order, so that a key names itself. */
function thumbprint(key: KeyObject): string {
  const { e, kty, n } = key.export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url')
}
