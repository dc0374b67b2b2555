/** Creates access tokens without a login, and reads tokens and the database rows behind them. */
import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Config } from '../../src/config/config.ts'
import { type AccessClaims, createAccessTokens } from '../../src/modules/sessions/access-tokens.ts'
import type { TestDatabase } from './database.ts'

/** Returns the claims of an access token, without verification. */
export function claimsOf(accessToken: string): AccessClaims {
  return decodeJwt<AccessClaims>(accessToken)
}

/** Returns the hash of a refresh token as it is stored. */
export function hashOf(refreshToken: string): Buffer {
  return createHash('sha256').update(refreshToken).digest()
}

/** Moves the time of a refresh token's use back by so many seconds. */
export async function backdateUse(database: TestDatabase, refreshToken: string, seconds: number) {
  const { rowCount } = await database.query(
    'update refresh_tokens set used_at = used_at - make_interval(secs => $2) where token_hash = $1',
    [hashOf(refreshToken), seconds],
  )
  if (rowCount !== 1) throw new Error('there is no such refresh token')
}

/** Returns the audit events of a user, oldest first. */
export async function auditOf(database: TestDatabase, userId: string) {
  const { rows } = await database.query<{
    type: string
    actor_id: string | null
    session_id: string | null
    detail: Record<string, string>
  }>(
    'select type, actor_id, session_id, detail, ip, request_id from audit_events where user_id = $1 order by id',
    [userId],
  )
  return rows
}

/** Returns the number of unused refresh tokens of an access token's session; 0 if the session was revoked. */
export async function countUnusedTokens(database: TestDatabase, accessToken: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count from refresh_tokens join sessions on sessions.id = session_id
     where session_id = $1 and used_at is null and revoked_at is null`,
    [claimsOf(accessToken).sid],
  )
  return rows[0]?.count ?? 0
}

type Subject = { userId?: string; sessionId?: string; role?: 'user' | 'admin' }

/** Returns a function that signs tokens as the service does: by default of a user and a session that do not exist. */
export function createTokenFactory(config: Pick<Config, 'jwt'>) {
  const sign = createAccessTokens(config.jwt)
  const inAnHour = () => new Date(Date.now() + 3_600_000)

  return async ({
    userId = crypto.randomUUID(),
    sessionId = crypto.randomUUID(),
    role = 'user',
  }: Subject = {}): Promise<string> => {
    const { accessToken } = await sign({ userId, sessionId, role }, inAnHour())
    return accessToken
  }
}
