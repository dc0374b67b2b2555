/** Every table of the service, in one place because foreign keys cross modules. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** To the millisecond, as JavaScript counts: a cursor made from a Date would skip rows within one otherwise. */
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    email: text('email').notNull(),
    passwordHash: text('password_hash').notNull(),
    displayName: text('display_name').notNull(),
    role: text('role', { enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    disabledAt: instant('disabled_at'),
    /** Counts how often all sessions were ended at once: those of another count have ended, however many they are. */
    sessionEpoch: integer('session_epoch').notNull().default(0),
    sessionsEndedAt: instant('sessions_ended_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  table => [
    uniqueIndex('users_email_key').on(sql`lower(${table.email})`),
    index('users_created_at_id_idx').on(table.createdAt, table.id),
    index('users_sessions_ended_at_idx')
      .on(table.sessionsEndedAt)
      .where(sql`${table.sessionsEndedAt} is not null`),
    // The list's filters for the few: without these, it reads past all others. The many are found in any order.
    index('users_admins_created_at_id_idx')
      .on(table.createdAt, table.id)
      .where(sql`${table.role} = 'admin'`)
      .concurrently(),
    index('users_disabled_created_at_id_idx')
      .on(table.createdAt, table.id)
      .where(sql`${table.disabledAt} is not null`)
      .concurrently(),
    check('users_role_check', sql`${table.role} in ('user', 'admin')`),
  ],
)

/** What of a user may leave the service: all but the password hash and what only admins see. */
export const profile = {
  id: users.id,
  email: users.email,
  displayName: users.displayName,
  role: users.role,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
}

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

/** What an auditor asks for. No foreign keys: a row outlives what it speaks of. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    occurredAt: instant('occurred_at').notNull().defaultNow(),
    type: text('type').notNull(),
    userId: uuid('user_id'),
    actorId: uuid('actor_id'),
    sessionId: uuid('session_id'),
    ip: text('ip'),
    requestId: text('request_id'),
    detail: jsonb('detail').$type<Record<string, string>>().notNull().default({}),
  },
  table => [
    index('audit_events_user_id_occurred_at_idx').on(table.userId, table.occurredAt),
    index('audit_events_occurred_at_idx').on(table.occurredAt),
  ],
)
