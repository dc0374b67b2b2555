/** Opens sessions without a login, for tests that need many: each login would compute a password hash. */
import { createRefreshToken, hashToken } from '../../src/modules/sessions/refresh-tokens.ts'
import type { TestDatabase } from './database.ts'

/** Opens live sessions of a user, each with an unused refresh token, and returns their ids and tokens. */
export async function openSessions(
  { query }: Pick<TestDatabase, 'query'>,
  userId: string,
  count: number,
): Promise<{ id: string; refreshToken: string }[]> {
  const { rows } = await query<{ id: string }>(
    `insert into sessions (user_id, idle_expires_at, expires_at, ip, user_agent)
      select $1, now() + '1h', now() + '1h', '::1', 'test' from generate_series(1, $2) returning id`,
    [userId, count],
  )
  const sessions = rows.map(({ id }) => ({ id, refreshToken: createRefreshToken() }))
  await query(
    'insert into refresh_tokens (token_hash, session_id) select * from unnest($1::bytea[], $2::uuid[])',
    [sessions.map(({ refreshToken }) => hashToken(refreshToken)), sessions.map(({ id }) => id)],
  )
  return sessions
}
