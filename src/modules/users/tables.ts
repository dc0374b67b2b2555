/** The table of users: their accounts and profiles. */
import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { instant } from '../../db/columns.ts'

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
