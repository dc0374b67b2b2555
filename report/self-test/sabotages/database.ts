/** Sabotages of the database: migrations that differ, columns that code and database disagree on, and readiness. */
import { readFileSync } from 'node:fs'
import { edit, type Trial } from '../trial.ts'

const HEALTH = 'src/http/health.ts'
const JOURNAL = new URL('../../../drizzle/meta/_journal.json', import.meta.url)

const { entries } = JSON.parse(readFileSync(JOURNAL, 'utf8')) as { entries: { tag: string; when: number }[] }
const tags = entries.map(({ tag }) => tag)
const [FIRST = ''] = tags
const NOTES = tags.find(tag => tag.endsWith('_create_notes')) ?? ''
const LAST = tags.at(-1) ?? ''

/** A service that lacks migrations is not ready. */
const NOT_READY = [
  'endpoints/GET /health/ready',
  'security/readiness',
  'security/no-server-errors',
  'middleware/Handler',
  'security/edited-migration',
]

/** What a column that is not as the code expects may show in, besides the row about it. */
const DRIFT = ['security/*', 'endpoints/*', 'middleware/*']

export const database: Trial[] = [
  {
    name: 'a migration is not applied',
    changes: [],
    sql: 'delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)',
    turns: [`database/${LAST}`],
    also: NOT_READY,
  },
  {
    name: 'a migration was edited after it was applied',
    changes: [edit(`drizzle/${FIRST}.sql`, '"email" text NOT NULL', '"email" varchar(254) NOT NULL')],
    turns: [`database/${FIRST}`],
    also: NOT_READY,
  },
  {
    name: 'a new migration is not applied',
    changes: [
      { add: 'drizzle/20991231235959_add_phone.sql', text: 'ALTER TABLE "users" ADD COLUMN "phone" text;' },
      edit(
        'drizzle/meta/_journal.json',
        `"tag": "${LAST}",\n      "breakpoints": true\n    }`,
        `"tag": "${LAST}",\n      "breakpoints": true\n    },\n    { "idx": ${tags.length}, "version": "7", "when": 4102444799000, "tag": "20991231235959_add_phone", "breakpoints": true }`,
      ),
    ],
    turns: ['database/20991231235959_add_phone'],
    also: NOT_READY,
  },
  {
    name: 'a column is missing',
    changes: [],
    sql: 'alter table sessions drop column last_used_at',
    turns: ['security/schema-drift'],
    also: DRIFT,
  },
  {
    name: 'a column has another type',
    changes: [],
    sql: 'alter table notes alter column title type varchar(200)',
    turns: ['security/schema-drift'],
    also: ['security/no-server-errors'],
  },
  {
    name: 'a column may be null in the database only',
    changes: [],
    sql: 'alter table users alter column display_name drop not null',
    turns: ['security/schema-drift'],
  },
  {
    name: 'a column has no default in the database',
    changes: [],
    sql: 'alter table audit_events alter column detail drop default',
    turns: ['security/schema-drift'],
    also: DRIFT,
  },
  {
    name: 'the code has a column that no migration creates',
    changes: [
      edit(
        'src/modules/notes/tables.ts',
        "body: text('body').notNull(),",
        "body: text('body').notNull(),\n    archivedAt: instant('archived_at'),",
      ),
    ],
    turns: ['security/schema-drift'],
    also: DRIFT,
  },
  {
    name: 'readiness does not look at the database',
    changes: [
      edit(
        HEALTH,
        'if (app.isDraining() || !(await isDatabaseUsable())) throw',
        'if (app.isDraining()) throw',
      ),
    ],
    turns: ['security/readiness'],
  },
  {
    name: 'readiness looks once',
    changes: [edit(HEALTH, "await pool.query('select 1')\n      return true", 'return true')],
    turns: ['security/readiness'],
  },
].map(trial => ({ kind: 'database', ...trial }))

/** The migration of the notes, for the trial without them. */
export const notesMigration = NOTES
