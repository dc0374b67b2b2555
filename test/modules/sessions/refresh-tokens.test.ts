/** What is made of a refresh token: the verdict on it, its hash and its successor. */
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

describe('the verdict on a refresh token', () => {
  it('is to rotate what was not used, whatever else is said', () => {
    for (const isSuccessorUsed of [true, false])
      expect(classifyRefreshToken({ usedAgo: null, isSuccessorUsed })).toBe('rotate')
  })

  it('is to repeat up to the end of the grace and not beyond, and only while the successor is unused', () => {
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
  it('has 256 bits in an alphabet that a cookie takes, and is never the same', () => {
    const tokens = Array.from({ length: 1000 }, createRefreshToken)
    expect(new Set(tokens).size).toBe(1000)
    for (const token of tokens) {
      expect(token).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(token).toHaveLength(TOKEN_LENGTH)
      expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    }
  })

  it('has one successor for a nonce, of its own form, which neither the token nor the nonce alone gives away', () => {
    const token = createRefreshToken()
    const successor = deriveSuccessor(token)
    expect(deriveSuccessor(token, successor.nonce)).toEqual(successor)
    expect(successor.token).toHaveLength(TOKEN_LENGTH)
    expect(deriveSuccessor(token).token).not.toBe(successor.token)
    expect(deriveSuccessor(createRefreshToken(), successor.nonce).token).not.toBe(successor.token)
    expect(hashToken(successor.token)).not.toEqual(hashToken(token))
  })
})
