/** The tables of sessions and of their refresh tokens. */
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../../db/columns.ts'
import { users } from '../users/tables.ts'

/** One per login. Its access tokens carry the id as `sid`; ending the row ends them. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    // Users are disabled, not deleted: a deleted row could not tell other instances that its tokens are void.
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'restrict' }),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastUsedAt: instant('last_used_at').notNull().defaultNow(),
    idleExpiresAt: instant('idle_expires_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    revokedAt: instant('revoked_at'),
    revokedReason: text('revoked_reason'),
    ip: text('ip').notNull(),
    userAgent: text('user_agent').notNull(),
    /** Its user's count when it was opened; a trigger sets it. */
    epoch: integer('epoch').notNull().default(0),
    /** What a page must send beside the refresh cookie; null in sessions from before there was this column. */
    csrfToken: uuid('csrf_token').defaultRandom(),
  },
  table => [
    index('sessions_open_idx')
      .on(table.userId, table.createdAt, table.id)
      .where(sql`${table.revokedAt} is null`),
    // For the purge of what has long expired.
    index('sessions_expires_at_idx').on(table.expiresAt).concurrently(),
    index('sessions_revoked_at_idx').on(table.revokedAt).where(sql`${table.revokedAt} is not null`),
  ],
)

/** The chain of refresh tokens of a session. All are kept while it lives, so that reuse of any of them is seen. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    tokenHash: bytea('token_hash').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull().defaultNow(),
    usedAt: instant('used_at'),
    successorNonce: bytea('successor_nonce'),
  },
  table => [index('refresh_tokens_session_id_idx').on(table.sessionId)],
)
