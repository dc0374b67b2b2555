/** Access tokens: their claims and their lifetime. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { SERVICE_NAME } from '../../../src/config/service-name.ts'
import { areAccessClaims, createAccessTokens } from '../../../src/modules/sessions/access-tokens.ts'
import { testConfig } from '../../helpers/config.ts'

const { jwt } = testConfig('postgres://127.0.0.1/none')
const sign = createAccessTokens(jwt)
const subject = { userId: crypto.randomUUID(), sessionId: crypto.randomUUID(), role: 'user' as const }
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000)

describe('an access token', () => {
  it('has the user, session, audience and expiry, and no other claims', async () => {
    const { accessToken, expiresIn } = await sign(subject, inSeconds(86_400))
    const claims = decodeJwt(accessToken)
    expect(decodeProtectedHeader(accessToken)).toEqual({
      alg: 'RS256',
      typ: 'at+jwt',
      kid: expect.any(String),
    })
    expect(claims).toEqual({
      iss: SERVICE_NAME,
      aud: `${SERVICE_NAME}-api`,
      sub: subject.userId,
      sid: subject.sessionId,
      role: 'user',
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
    expect([expiresIn, Number(claims.exp) - Number(claims.iat)]).toEqual([900, 900])
    expect(areAccessClaims(claims, jwt.accessTokenTtl)).toBe(true)
  })

  it('is never the same twice', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => sign(subject, inSeconds(86_400))))
    expect(new Set(tokens.map(({ accessToken }) => decodeJwt(accessToken).jti)).size).toBe(20)
  })

  it('ends with its session, at once when that has just ended', async () => {
    expect((await sign(subject, inSeconds(60))).expiresIn).toBeLessThanOrEqual(60)
    const { accessToken, expiresIn } = await sign(subject, inSeconds(-3))
    const { iat, exp } = decodeJwt(accessToken)
    expect([expiresIn, Number(exp) - Number(iat)]).toEqual([0, 0])
  })
})
