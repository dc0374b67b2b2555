/** Reads the database of the app as an oracle: all rows about an account, in all tables. */
import pg from 'pg'
import type { Internals } from '../subject/subject.ts'

type Query = Internals['query']

export type Column = { table: string; column: string; type: string }

/** Returns the columns of all tables, except those of the migrations. */
export async function columnsOf(query: Query): Promise<Column[]> {
  const { rows } = await query<Column>(
    `select table_name as table, column_name as column, data_type as type
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_type = 'BASE TABLE' and table_schema = current_schema()
     order by table_name, ordinal_position`,
  )
  return rows
}

/** Returns the names of the tables that the columns belong to. */
export function tablesOf(columns: readonly Column[]): string[] {
  return [...new Set(columns.map(({ table }) => table))]
}

export type FoundRow = { table: string; row: Record<string, unknown>; text: string }

/** Returns the rows that contain one of the texts. A value of bytes is text in hexadecimal. */
export async function rowsWith(
  query: Query,
  tables: readonly string[],
  texts: readonly string[],
): Promise<FoundRow[]> {
  const found = await Promise.all(
    tables.map(async table => {
      const { rows } = await query<{ row: Record<string, unknown>; text: string }>(
        `select to_jsonb(t) as row, to_jsonb(t)::text as text from ${pg.escapeIdentifier(table)} t
         where exists (select from unnest($1::text[]) as given where strpos(to_jsonb(t)::text, given) > 0)`,
        [texts],
      )
      return rows.map(row => ({ table, ...row }))
    }),
  )
  return found.flat()
}
