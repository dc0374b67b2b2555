/** Refresh tokens: 256 random bits of which only a hash is stored, each used once, with a grace for lost answers. */
import { createHash, createHmac, randomBytes } from 'node:crypto'

/** How long the answer to a refresh may be asked for again: a client's time-out and one retry. */
export const GRACE_MS = 10_000

export const TOKEN_LENGTH = 43

export function createRefreshToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a token. It has 256 bits of entropy: a fast hash is enough (RFC 9700 §4.14, ASVS 5.0 §6.5). */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * The successor of a token, and the nonce that a retry within the grace needs to come to the same one. The nonce is
 * stored, the token is not: neither the database nor an old token alone is enough to compute a successor.
 */
export function deriveSuccessor(
  token: string,
  nonce: Buffer = randomBytes(32),
): { token: string; nonce: Buffer } {
  return { token: createHmac('sha256', nonce).update(token).digest('base64url'), nonce }
}

export type Verdict = 'rotate' | 'repeat' | 'reuse'

/**
 * What to do with a token of a live session. An unused one rotates. One used within the grace, whose successor is
 * still unused, was a lost answer: its successor is repeated. Any other was stolen, from the client or by it.
 */
export function classifyRefreshToken({
  usedAgo,
  isSuccessorUsed,
}: {
  usedAgo: number | null
  isSuccessorUsed: boolean
}): Verdict {
  if (usedAgo === null) return 'rotate'
  return usedAgo <= GRACE_MS && !isSuccessorUsed ? 'repeat' : 'reuse'
}
