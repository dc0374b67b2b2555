/** A text of all that migrations make in a schema, in an order that does not depend on theirs. */
import type pg from 'pg'

type Queryable = Pick<pg.Pool | pg.ClientBase, 'query'>

const SNAPSHOT = `
  with tables as (
    select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  )
  select concat_ws(' ', 'column', relname, attname, atttypid::regtype, attnotnull, pg_get_expr(adbin, adrelid)) as line
    from tables join pg_attribute on attrelid = tables.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all select concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisready)
    from tables join pg_index on indrelid = tables.oid
  union all select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid))
    from tables join pg_constraint on conrelid = tables.oid
  union all select concat_ws(' ', 'rows', relname, query_to_xml(
      format('select to_jsonb(t) as row from public.%I t order by to_jsonb(t)::text', relname), true, true, ''))
    from tables`

/** Columns, indexes, constraints and rows of the schema `public`. */
export async function snapshotOf(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(SNAPSHOT)
  return rows.map(({ line }) => line).sort()
}

export const EMPTY_PUBLIC = 'drop schema public cascade; create schema public'
