/** Signs access tokens, RS256 JWTs with the profile of RFC 9068, and lists the public keys that verify them. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Config } from '../../config/config.ts'

/** The claims of an access token. `sid` is the id of its session; `iat` and `exp` are in seconds. */
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

/** Seconds by which clocks may differ. RFC 7519 §4.1.4 allows "a few minutes, usually"; with NTP it is far less. */
export const CLOCK_SKEW_SECONDS = 5

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Subject = { userId: string; sessionId: string; role: AccessClaims['role'] }

/**
 * Returns a function that signs access tokens with the configured key. jose signs in libuv's threads: a signature takes
 * 0.3 ms with 2048 bits and 1.4 ms with 3072, and would block the event loop for that time.
 */
export function createAccessTokens(config: Config['jwt']) {
  const kid = thumbprint(createPublicKey(config.privateKey))

  /** Returns a token and its lifetime in seconds: the configured one, or less if its session ends earlier. */
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
 * Returns whether the claims of a verified token have the shape of an access token, `iat` is not in the future, and the
 * token is valid for at most `lifetime` milliseconds. A valid signature alone does not show that: other tokens may be
 * signed with the same key. Once true for a token, the result stays true.
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

/** Returns the public keys that verify tokens, by key id: that of the signing key, and the further ones. */
export function verificationKeys(config: Config['jwt']): Map<string, KeyObject> {
  const keys = [createPublicKey(config.privateKey), ...config.publicKeys]
  return new Map(keys.map(key => [thumbprint(key), key]))
}

/** Returns the keys as a JSON Web Key Set (RFC 7517). */
export function jwks(keys: Map<string, KeyObject>) {
  return {
    keys: [...keys].map(([kid, key]) => {
      const { n = '', e = '' } = key.export({ format: 'jwk' })
      return { kty: 'RSA' as const, use: 'sig' as const, alg: ALGORITHM, kid, n, e }
    }),
  }
}

/** Returns the key id: the JWK thumbprint, a SHA-256 of the key's required members in lexical order (RFC 7638). */
function thumbprint(key: KeyObject): string {
  const { e, kty, n } = key.export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url')
}
