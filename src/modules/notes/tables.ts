/** The table of notes. */
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from '../../db/columns.ts'
import { users } from '../users/tables.ts'

export const notes = pgTable(
  'notes',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    ownerId: uuid('owner_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    body: text('body').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  table => [
    // One for the order of the list, one for the filter `updatedSince`.
    index('notes_owner_id_created_at_id_idx').on(table.ownerId, table.createdAt, table.id),
    index('notes_owner_id_updated_at_idx').on(table.ownerId, table.updatedAt),
  ],
)
