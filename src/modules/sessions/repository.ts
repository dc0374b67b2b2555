/** The SQL of sessions and refresh tokens. */
import { and, desc, eq, isNull, lt, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import type { Queryable } from '../../db/connection.ts'
import type { InstantPosition } from '../../http/instant-cursor.ts'
import type { AuditType, ClientInfo } from '../audit/service.ts'
import { users } from '../users/tables.ts'
import { refreshTokens, sessions } from './tables.ts'

/** An instant in so many milliseconds. It uses the database's clock, so that all instances have the same time. */
const inMilliseconds = (duration: number) => sql<Date>`now() + make_interval(secs => ${duration / 1000})`

/**
 * A session has ended if its epoch is not that of its user. So one update of `users` ends all sessions of an account,
 * which may be too many for one statement.
 */
const isOfEpoch = sql`${sessions.epoch} = (select session_epoch from users where id = ${sessions.userId})`

/** Milliseconds since a token was used; null for an unused one. */
const usedAgo = sql<
  number | null
>`(extract(epoch from clock_timestamp() - ${refreshTokens.usedAt}) * 1000)::float8`

const isLive = and(
  isNull(sessions.revokedAt),
  isOfEpoch,
  sql`${sessions.idleExpiresAt} > now()`,
  sql`${sessions.expiresAt} > now()`,
)

const OPEN_SESSION = `
  with account as (
    select id, role from users where id = $1 and password_hash = $2 and disabled_at is null for share
  ), session as (
    insert into sessions (user_id, ip, user_agent, idle_expires_at, expires_at)
    select id, $3, $4, now() + make_interval(secs => $5), now() + make_interval(secs => $6) from account
    returning id, user_id, idle_expires_at, expires_at, csrf_token
  ), token as (
    insert into refresh_tokens (session_id, token_hash) select id, $7 from session
  ), event as (
    insert into audit_events (type, user_id, actor_id, session_id, ip, request_id)
    select '${'login.succeeded' satisfies AuditType}', user_id, user_id, id, $3, $8 from session
  )
  select session.id, user_id as "userId", role, idle_expires_at as "idleExpiresAt", expires_at as "expiresAt",
    csrf_token as "csrfToken"
  from session, account`

type OpenedSession = Pick<
  typeof sessions.$inferSelect,
  'id' | 'userId' | 'idleExpiresAt' | 'expiresAt' | 'csrfToken'
> &
  Pick<typeof users.$inferSelect, 'role'>

/**
 * Opens a session with its first refresh token and its audit event, and returns it with its user's role. The statement
 * locks the account and reads it again: returns undefined if it was disabled, or got another password, meanwhile.
 *
 * It is one statement, and so one transaction, at `read committed`. Five statements would take 0.6 ms more of the 13 ms
 * of CPU of a login, and hold the lock during four more round trips. The statement has a name, so that PostgreSQL parses
 * and plans it once per connection.
 */
export async function openSession(
  pool: Queryable,
  account: { id: string; passwordHash: string },
  tokenHash: Buffer,
  { ttl, client }: { ttl: { idleTtl: number; absoluteTtl: number }; client: ClientInfo },
): Promise<OpenedSession | undefined> {
  const { rows } = await pool.query<OpenedSession>({
    name: 'open_session',
    text: OPEN_SESSION,
    values: [
      account.id,
      account.passwordHash,
      client.ip,
      client.userAgent,
      Math.min(ttl.idleTtl, ttl.absoluteTtl) / 1000,
      ttl.absoluteTtl / 1000,
      tokenHash,
      client.requestId,
    ],
  })
  return rows[0]
}

/**
 * Ends the oldest sessions beyond `max`, at most 1,000 of them. It runs after the login's own statement, and so sees the
 * sessions that other logins have opened meanwhile: after several parallel logins, at most `max` sessions are left.
 * Like every statement that ends several sessions, it locks the user first: two of them cannot deadlock.
 */
const END_EXCESS_SESSIONS = `
  with open as (
    select id, epoch, idle_expires_at, expires_at, created_at from sessions
    where user_id = $1 and revoked_at is null order by created_at desc, id desc limit $2 + 1000
  ), excess as (
    select id from open
    where epoch = (select session_epoch from users where id = $1) and idle_expires_at > now() and expires_at > now()
    order by created_at desc, id desc offset $2
  ), owner as (
    select id from users where id = $1 and exists (select from excess) for no key update
  ), ended as (
    update sessions set revoked_at = clock_timestamp(), revoked_reason = $5 from excess, owner
    where sessions.id = excess.id and revoked_at is null returning sessions.id
  ), event as (
    insert into audit_events (type, user_id, actor_id, session_id, ip, request_id, detail)
    select '${'session.revoked' satisfies AuditType}', $1, $1, id, $3, $4, jsonb_build_object('reason', $5::text)
    from ended
  )
  select id from ended`

/** Ends the oldest sessions of a user beyond `max`, records an audit event for each, and returns their ids. */
export async function endExcessSessions(
  pool: Queryable,
  { userId, max, reason, client }: { userId: string; max: number; reason: string; client: ClientInfo },
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'end_excess_sessions',
    text: END_EXCESS_SESSIONS,
    values: [userId, max, client.ip, client.requestId, reason],
  })
  return rows.map(row => row.id)
}

/** Adds an unused refresh token to a session. */
export async function insertRefreshToken(tx: Executor, sessionId: string, tokenHash: Buffer): Promise<void> {
  await tx.insert(refreshTokens).values({ sessionId, tokenHash })
}

/**
 * Locks the session of a refresh token and returns it with its user, or undefined if there is none. Ending one session
 * updates its row, so that happened before the lock, or waits for it. Ending all sessions updates the user: tokens that
 * are issued meanwhile belong to an ended session, and are refused.
 */
export async function lockSessionOfToken(tx: Executor, tokenHash: Buffer) {
  const [row] = await tx
    .select({
      id: sessions.id,
      isLive: sql<boolean>`${isLive}`,
      userId: users.id,
      role: users.role,
      isDisabled: sql<boolean>`${users.disabledAt} is not null`,
      csrfToken: sessions.csrfToken,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sql`(select session_id from refresh_tokens where token_hash = ${tokenHash})`))
    .for('update', { of: sessions })
  return row
}

/** Returns the live session of a refresh token and the milliseconds since its use; undefined if there is none. */
export async function findSessionOfToken(db: Executor, tokenHash: Buffer) {
  const [row] = await db
    .select({
      id: sessions.id,
      userId: sessions.userId,
      csrfToken: sessions.csrfToken,
      usedAgo,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(refreshTokens.tokenHash, tokenHash), isLive, isNull(users.disabledAt)))
  return row
}

/** Returns the milliseconds since a token's use, null for an unused one, and its nonce. Lock its session first. */
export async function findRefreshToken(tx: Executor, tokenHash: Buffer) {
  const [row] = await tx
    .select({ usedAgo, successorNonce: refreshTokens.successorNonce })
    .from(refreshTokens)
    .where(eq(refreshTokens.tokenHash, tokenHash))
  return row
}

/** Marks a token as used now, and stores the nonce from which its successor was derived. */
export async function markTokenUsed(tx: Executor, tokenHash: Buffer, successorNonce: Buffer): Promise<void> {
  await tx
    .update(refreshTokens)
    .set({ usedAt: sql`clock_timestamp()`, successorNonce })
    .where(eq(refreshTokens.tokenHash, tokenHash))
}

/** Marks a session as used now, which moves its idle limit but not its absolute limit. Returns both limits. */
export async function touchSession(tx: Executor, sessionId: string, idleTtl: number) {
  const [limits] = await tx
    .update(sessions)
    .set({
      lastUsedAt: sql`now()`,
      idleExpiresAt: sql`least(${inMilliseconds(idleTtl)}, ${sessions.expiresAt})`,
    })
    .where(eq(sessions.id, sessionId))
    .returning({ idleExpiresAt: sessions.idleExpiresAt, expiresAt: sessions.expiresAt })
  if (!limits) throw new Error('a locked session has no row')
  return limits
}

/** Ends one live session of a user. Returns false if there is none. */
export async function revokeSession(
  tx: Executor,
  { userId, sessionId, reason }: { userId: string; sessionId: string; reason: string },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(sessions)
    .set({ revokedAt: sql`clock_timestamp()`, revokedReason: reason })
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isLive))
  return rowCount === 1
}

/** The number of sessions that are updated one by one, each with an audit event, when all sessions of a user end. */
const LISTED_SESSIONS = 5000

/**
 * Ends all sessions of a user except one, with any number of sessions. Returns the ids of the live ones among the newest
 * 5,000, and whether there are more. The rows of those 5,000 are also marked as revoked, for instances of an earlier
 * version, which does not know epochs. The user stays locked until the end of the transaction, so that no login can open
 * a session meanwhile.
 */
export async function revokeAllSessions(
  tx: Executor,
  { userId, except, reason }: { userId: string; except?: string | undefined; reason: string },
): Promise<{ sessionIds: string[]; isMore: boolean }> {
  const { rows } = await tx.execute<{ sessionIds: string[]; isMore: boolean }>(sql`
    with owner as (
      update users set session_epoch = session_epoch + 1 where id = ${userId} returning session_epoch
    ), open as (
      select id, epoch, idle_expires_at, expires_at from sessions
      where user_id = ${userId} and revoked_at is null and id is distinct from ${except ?? null}::uuid
      order by created_at desc, id desc limit ${LISTED_SESSIONS}
    ), kept as (
      update sessions set epoch = owner.session_epoch from owner
      where id = ${except ?? null}::uuid and user_id = ${userId} and epoch = owner.session_epoch - 1
    ), ended as (
      update sessions set revoked_at = clock_timestamp(), revoked_reason = ${reason}
      from owner, open
      where open.id = sessions.id and sessions.revoked_at is null and open.epoch = owner.session_epoch - 1
        and open.idle_expires_at > now() and open.expires_at > now()
      returning sessions.id
    )
    select array(select id from ended) as "sessionIds",
      (select count(*) from open) = ${LISTED_SESSIONS} as "isMore"`)
  return rows[0] ?? { sessionIds: [], isMore: false }
}

/** Returns whether a session was revoked or does not exist. */
export async function isSessionRevoked(db: Executor, sessionId: string): Promise<boolean> {
  const [row] = await db
    .select({ id: sessions.id })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.id, sessionId),
        isNull(sessions.revokedAt),
        eq(sessions.epoch, users.sessionEpoch),
        isNull(users.disabledAt),
      ),
    )
  return row === undefined
}

/** Returns the live sessions of a user after a position, newest first: at most one more than `limit`, for `pageOf`. */
export async function listSessions(
  db: Executor,
  { userId, limit, after }: { userId: string; limit: number; after: InstantPosition | undefined },
) {
  const { id, createdAt, lastUsedAt, expiresAt, ip, userAgent } = sessions
  return db
    .select({ id, createdAt, lastUsedAt, expiresAt, ip, userAgent })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isLive, after && isAfter(after)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .limit(limit + 1)
}

function isAfter({ createdAt, id }: InstantPosition) {
  return or(lt(sessions.createdAt, createdAt), and(eq(sessions.createdAt, createdAt), lt(sessions.id, id)))
}
