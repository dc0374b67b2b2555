/** Finds invalid indexes: a `create index concurrently` that failed leaves one, and PostgreSQL does not use it. */
import type pg from 'pg'
import type { Statement } from './migration-files.ts'

/** Returns the names of the invalid indexes, quoted where they need it, without those that are being built now. */
export async function invalidIndexes(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_index join pg_class on pg_class.oid = indexrelid
      join pg_namespace on pg_namespace.oid = relnamespace
      where not indisvalid and relkind = 'i' and nspname not like 'pg\\_%'
        and indexrelid not in (select index_relid from pg_stat_progress_create_index where index_relid is not null)
      order by 1`,
  )
  return rows.map(({ name }) => name)
}

/** Returns the invalid indexes that are new, and those that the statement names: `if not exists` skips them. */
export async function invalidAfter(
  client: pg.Client,
  before: ReadonlySet<string>,
  { sql }: Pick<Statement, 'sql'> = { sql: '' },
): Promise<string[]> {
  const words = new Set(sql.toLowerCase().split(/[^\w$]+/))
  const isNamed = (name: string) => {
    const bare = name.slice(name.indexOf('.') + 1)
    return bare.startsWith('"') ? sql.includes(bare) : words.has(bare)
  }
  return (await invalidIndexes(client)).filter(name => !before.has(name) || isNamed(name))
}

/** Returns what to do about invalid indexes, a sentence for each. */
export function describeInvalid(names: readonly string[]): string {
  return names
    .map(name => `the index ${name} is INVALID and not used: \`drop index concurrently ${name}\`.`)
    .join(' ')
}
