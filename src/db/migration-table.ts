/**
 * Drizzle's table of applied migrations, in the form that drizzle-orm 1.0 gives it: `name` and `applied_at` are its
 * columns too, and drizzle-orm 0.45 reads and writes the table without them.
 */
import pg from 'pg'
import type { Migration } from './migration-files.ts'
import type { AppliedRow, ProgressRow } from './migration-plan.ts'

const TABLE = 'drizzle.__drizzle_migrations'

/** The table of the completed statements of a migration outside a transaction, until it is complete. */
export const PROGRESS = 'drizzle.__migration_progress'

const UNDEFINED_TABLE = '42P01'

/** Works with and without the columns of drizzle-orm 1.0. */
const APPLIED = `select id, hash, created_at::text as created, to_jsonb(applied) ->> 'name' as name,
  (to_jsonb(applied) ->> 'applied_at')::timestamptz as "appliedAt" from ${TABLE} as applied order by id`

type Queryable = Pick<pg.Pool | pg.ClientBase, 'query'>

/** Returns the rows of the table; none where there is no table. */
export async function readApplied(client: Queryable): Promise<AppliedRow[]> {
  const { rows } = await client.query(APPLIED).catch(noRowsWithoutTable)
  return rows.map(({ created, ...row }) => ({ ...row, createdAt: created === null ? null : Number(created) }))
}

function noRowsWithoutTable(error: unknown): { rows: never[] } {
  if ((error as pg.DatabaseError).code === UNDEFINED_TABLE) return { rows: [] }
  throw error
}

/** Returns the statements that create the table, or add the newer columns to an older one. */
export async function tableChanges(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = to_regclass('${TABLE}') and attnum > 0`,
  )
  const columns = rows.map(({ name }) => name)
  if (columns.length === 0) {
    return [
      'create schema if not exists drizzle',
      `create table ${TABLE} (id serial primary key, hash text not null, created_at bigint, name text, applied_at timestamptz default now())`,
    ]
  }
  const name = `alter table ${TABLE} add column name text`
  // In two steps: the time of existing rows is not known.
  const appliedAt = [
    `alter table ${TABLE} add column applied_at timestamptz`,
    `alter table ${TABLE} alter column applied_at set default now()`,
  ]
  return [...(columns.includes('name') ? [] : [name]), ...(columns.includes('applied_at') ? [] : appliedAt)]
}

/** Gives rows the names of their files: the rows that drizzle-orm wrote have none. */
export async function nameRows(client: Queryable, names: ReadonlyMap<number, string>): Promise<void> {
  await client.query(
    `update ${TABLE} as applied set name = known.name from unnest($1::int[], $2::text[]) as known (id, name)
      where applied.id = known.id and applied.name is distinct from known.name`,
    [[...names.keys()], [...names.values()]],
  )
}

/**
 * Locks the table in a transaction, and returns whether another instance has applied the migration. The advisory lock
 * prevents that, but not through a pooler that changes connections.
 */
export async function isAppliedByOther(client: Queryable, { hash, when }: Migration): Promise<boolean> {
  await client.query(`lock table ${TABLE} in share row exclusive mode`)
  const { rowCount } = await client.query(`select from ${TABLE} where hash = $1 and created_at = $2`, [
    hash,
    when,
  ])
  return rowCount !== 0
}

/** Records a migration as applied. */
export async function recordApplied(client: Queryable, { hash, when, tag }: Migration): Promise<void> {
  await client.query(`insert into ${TABLE} (hash, created_at, name) values ($1, $2, $3)`, [hash, when, tag])
}

/** Returns the same statement without parameters, for a script. */
export function recordAppliedSql({ hash, when, tag }: Migration): string {
  return `insert into ${TABLE} (hash, created_at, name) values ('${hash}', ${when}, ${pg.escapeLiteral(tag)})`
}

/** Returns the steps of incomplete migrations outside a transaction; none where there is no table. */
export async function readProgress(client: Queryable): Promise<ProgressRow[]> {
  const { rows } = await client
    .query(`select created_at::text as created, position, hash, name from ${PROGRESS} order by 1, 2`)
    .catch(noRowsWithoutTable)
  return rows.map(({ created, ...row }) => ({ ...row, createdAt: Number(created) }))
}

/**
 * Records a step of a migration outside a transaction: its begin (position 0), a completed statement (from 1), or the begin
 * of code (its position, negative).
 */
export async function recordProgress(
  client: Queryable,
  { when, tag }: Migration,
  position: number,
  hash: string,
) {
  await client.query(
    `create table if not exists ${PROGRESS}
      (created_at bigint, position int, hash text not null, name text not null, primary key (created_at, position))`,
  )
  await client.query(`insert into ${PROGRESS} values ($1, $2, $3, $4) on conflict do nothing`, [
    when,
    position,
    hash,
    tag,
  ])
}

/** Removes the record that code was begun, after an error that was reported. */
export async function forgetBegun(client: Queryable, { when }: Migration): Promise<void> {
  await client.query(`delete from ${PROGRESS} where created_at = $1 and position < 0`, [when])
}

/** Removes the steps of a migration: in the transaction that records it, or after a run that left nothing. */
export async function clearProgress(client: Queryable, { when }: Migration): Promise<void> {
  await client.query(`delete from ${PROGRESS} where created_at = $1`, [when])
}
