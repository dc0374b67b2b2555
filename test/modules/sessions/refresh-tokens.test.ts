/** Refresh tokens: their classification, hash and successor. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  classifyRefreshToken,
  createRefreshToken,
  deriveSuccessor,
  GRACE_MS,
  hashToken,
  TOKEN_LENGTH,
} from '../../../src/modules/sessions/refresh-tokens.ts'

describe('the classification of a refresh token', () => {
  it('is "rotate" for an unused token', () => {
    for (const isSuccessorUsed of [true, false])
      expect(classifyRefreshToken({ usedAgo: null, isSuccessorUsed })).toBe('rotate')
  })

  it('is "repeat" within the grace period while the successor is unused, otherwise "reuse"', () => {
    expect(classifyRefreshToken({ usedAgo: 0, isSuccessorUsed: false })).toBe('repeat')
    expect(classifyRefreshToken({ usedAgo: GRACE_MS, isSuccessorUsed: false })).toBe('repeat')
    expect(classifyRefreshToken({ usedAgo: GRACE_MS + 0.001, isSuccessorUsed: false })).toBe('reuse')
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        usedAgo => classifyRefreshToken({ usedAgo, isSuccessorUsed: true }) === 'reuse',
      ),
    )
  })
})

describe('a refresh token', () => {
  it('has 256 random bits in an alphabet that cookies allow', () => {
    const tokens = Array.from({ length: 1000 }, createRefreshToken)
    expect(new Set(tokens).size).toBe(1000)
    for (const token of tokens) {
      expect(token).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(token).toHaveLength(TOKEN_LENGTH)
      expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    }
  })

  it('has one successor for each nonce, which needs both the token and the nonce', () => {
    const token = createRefreshToken()
    const successor = deriveSuccessor(token)
    expect(deriveSuccessor(token, successor.nonce)).toEqual(successor)
    expect(successor.token).toHaveLength(TOKEN_LENGTH)
    expect(deriveSuccessor(token).token).not.toBe(successor.token)
    expect(deriveSuccessor(createRefreshToken(), successor.nonce).token).not.toBe(successor.token)
    expect(hashToken(successor.token)).not.toEqual(hashToken(token))
  })
})
