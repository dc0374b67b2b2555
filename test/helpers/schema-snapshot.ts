/** Describes everything that migrations create in a schema, in an order that does not depend on theirs. */
import type pg from 'pg'

type Queryable = Pick<pg.Pool | pg.ClientBase, 'query'>

const SNAPSHOT = `
  with tables as (
    select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  )
  select concat_ws(' ', 'column', relname, attname, atttypid::regtype, attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid)) as line
    from tables join pg_attribute on attrelid = tables.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all select concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisready)
    from tables join pg_index on indrelid = tables.oid
  union all select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid))
    from tables join pg_constraint on conrelid = tables.oid
  union all select concat_ws(' ', 'rows', relname, query_to_xml(
      format('select to_jsonb(t) as row from public.%I t order by to_jsonb(t)::text', relname), true, true, ''))
    from tables
  union all select concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(pg_trigger.oid))
    from tables join pg_trigger on tgrelid = tables.oid and not tgisinternal
  union all select concat_ws(' ', 'function', pg_get_functiondef(oid))
    from pg_proc where pronamespace = 'public'::regnamespace and prokind in ('f', 'p')
  union all select concat_ws(' ', 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin)
    from pg_sequence join pg_class on pg_class.oid = seqrelid and relnamespace = 'public'::regnamespace
  union all select concat_ws(' ', 'type', typname, typtype, format_type(typbasetype, typtypmod))
    from pg_type where typnamespace = 'public'::regnamespace and typtype in ('d', 'e', 'r')
  union all select concat_ws(' ', 'view', relname, pg_get_viewdef(oid))
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`

/** Columns, indexes, constraints, rows, triggers, functions, sequences, types and views of the schema `public`. */
export async function snapshotOf(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(SNAPSHOT)
  return rows.map(({ line }) => line).sort()
}

export const EMPTY_PUBLIC = 'drop schema public cascade; create schema public'
