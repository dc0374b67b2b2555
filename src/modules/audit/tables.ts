/** The table of audit events. */
import { bigint, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from '../../db/columns.ts'

/** Audit events. There are no foreign keys: an event is kept after its user and its session are deleted. */
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
