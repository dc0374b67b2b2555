/** Refresh tokens: 256 random bits, stored as a hash, used once, with a grace period for lost responses. */
import { createHash, createHmac, randomBytes } from 'node:crypto'

/** Milliseconds in which a client can repeat a refresh: enough for a client's timeout and one retry. */
export const GRACE_MS = 10_000

/** Length of a token, in characters of base64url. */
export const TOKEN_LENGTH = 43

/** Returns a new random token. */
export function createRefreshToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Returns the hash that is stored. A fast hash is enough for 256 bits of entropy (RFC 9700 §4.14, ASVS 5.0 §6.5). */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * Returns the successor of a token, and the nonce from which a retry within the grace period derives the same successor.
 * The nonce is stored, the token is not: the database alone, or an old token alone, is not enough to derive a successor.
 */
export function deriveSuccessor(
  token: string,
  nonce: Buffer = randomBytes(32),
): { token: string; nonce: Buffer } {
  return { token: createHmac('sha256', nonce).update(token).digest('base64url'), nonce }
}

export type Verdict = 'rotate' | 'repeat' | 'reuse'

/**
 * Returns what to do with a token of a live session. An unused token rotates. If a token was used within the grace
 * period and its successor is unused, the response was lost: the same successor is returned again. Any other token is
 * reused: the client or an attacker uses a stolen one. `usedAgo` is in milliseconds, null for an unused token.
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
