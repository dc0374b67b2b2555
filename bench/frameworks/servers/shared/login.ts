/** What a login does in all servers but bare: checks the password, opens a session, and says what the tokens hold. */
import { createHash, randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import type { Config } from './config.ts'
import type { Users } from './users.ts'

export type Claims = { sub: string; sid: string; role: string; jti: string }
export type Client = { ip: string; userAgent: string }

/** Returns a function that gives the claims and the refresh token of a new session; undefined where it is refused. */
export function createLogin(users: Users) {
  // An unknown account costs the same hash, so that the time of a refusal says nothing.
  const dummy = hash(randomBytes(16), { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

  return async function login({ email, password }: { email: string; password: string }, client: Client) {
    const user = await users.findCredentials(email)
    const isMatch = await verify(user?.passwordHash ?? (await dummy), password)
    if (!user || !isMatch || user.disabledAt) return undefined
    const refreshToken = randomBytes(32).toString('base64url')
    const tokenHash = createHash('sha256').update(refreshToken).digest()
    const sid = await users.openSession(user.id, tokenHash, client)
    const claims: Claims = { sub: user.id, sid, role: user.role, jti: crypto.randomUUID() }
    return { claims, refreshToken }
  }
}

/** Returns the body of the response to a login. */
export function tokenReply(accessToken: string, refreshToken: string, { jwt }: Pick<Config, 'jwt'>) {
  return { accessToken, refreshToken, tokenType: 'Bearer', expiresIn: jwt.lifetimeSeconds }
}
