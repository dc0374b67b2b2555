/** The tables of sessions and refresh tokens. */
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from '../../db/columns.ts'
import { users } from '../users/tables.ts'

/** One row per login. Access tokens have its id as `sid`. When the session ends, they become invalid. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    // Users are disabled, not deleted: only an update notifies the other instances that the tokens are invalid.
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
    /** The `session_epoch` of the user when the session was opened. A trigger sets it. */
    epoch: integer('epoch').notNull().default(0),
    /** The CSRF token that pages send with the refresh cookie; null in sessions that are older than this column. */
    csrfToken: uuid('csrf_token').defaultRandom(),
  },
  table => [
    index('sessions_open_idx')
      .on(table.userId, table.createdAt, table.id)
      .where(sql`${table.revokedAt} is null`),
    // For the deletion of old sessions, which docs/deployment.md describes.
    index('sessions_expires_at_idx').on(table.expiresAt).concurrently(),
    index('sessions_revoked_at_idx').on(table.revokedAt).where(sql`${table.revokedAt} is not null`),
  ],
)

/** The chain of a session's refresh tokens. All are kept while the session is live, so that any reuse is detected. */
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
