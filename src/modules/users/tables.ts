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
    /** How often all sessions were ended at once. A session with another number in `epoch` has ended. */
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
    // For the filters that few rows match: without them, the list would read all other rows. Filters that most rows match
    // need no index.
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

/** The columns of a profile: without the password hash and what only admins see. */
export const profile = {
  id: users.id,
  email: users.email,
  displayName: users.displayName,
  role: users.role,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
}
