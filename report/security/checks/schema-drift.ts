/** The security check of schema drift: the database has the tables and columns that the code has, in the same form. */
import pg from 'pg'
import { NotVerified } from '../../errors.ts'
import type { CodeColumn, CodeTable } from '../../observe/observation.ts'
import type { Internals } from '../../subject/subject.ts'
import type { ServiceCheck } from '../check.ts'

export const schemaDrift: ServiceCheck = {
  id: 'schema-drift',
  rank: 447,
  claim: 'Tables in the database as the code has them: columns, types, nulls and defaults ({count} tables)',
  source: 'OWASP API9:2023, ASVS 5.0 §15.1.2',
  needs: 'service',
  async run({ expect, internals, subject }) {
    const tables = await subject.tables()
    if (tables.length === 0) {
      throw new NotVerified('the running code has no Drizzle tables, and those of others are not read')
    }
    const columns = await compareAll(internals, tables)
    for (const table of tables) {
      const own = columns.filter(({ name }) => name === nameOf(table))
      const drifts = own.flatMap(driftsOf)
      expect.fact(
        `${nameOf(table)}, ${table.columns.length} columns`,
        drifts.join('; ') || 'the same',
        'the same in code and database',
        drifts.length === 0,
      )
    }
    return { count: String(tables.length) }
  },
}

function nameOf({ schema, name }: Pick<CodeTable, 'schema' | 'name'>): string {
  return schema === 'public' ? name : `${schema}.${name}`
}

type Form = { type: string; required: boolean; default: string | null }
/** A column in the code and in the database; undefined where it is in the other one only. */
type Compared = {
  name: string
  column: string
  code: Form | undefined
  database: Form | undefined
  given?: CodeColumn
}

/** PostgreSQL writes types and defaults in its own form, so it makes a copy of each table from the code to compare with. */
async function compareAll(internals: Internals, tables: readonly CodeTable[]): Promise<Compared[]> {
  const compared: Compared[] = []
  for (const table of tables) {
    const [code, database] = [await formsOfCode(internals, table), await formsOfDatabase(internals, table)]
    for (const column of new Set([...code.keys(), ...database.keys()])) {
      const given = table.columns.find(({ name }) => name === column)
      compared.push({
        name: nameOf(table),
        column,
        code: code.get(column),
        database: database.get(column),
        ...(given && { given }),
      })
    }
  }
  return compared
}

const COPY = 'report_schema_copy'

async function formsOfCode({ query }: Internals, { name, columns }: CodeTable): Promise<Map<string, Form>> {
  const definitions = columns.map(column => {
    const parts = [
      pg.escapeIdentifier(column.name),
      column.type,
      column.isRequired ? 'not null' : '',
      column.default === undefined || column.default === null ? '' : `default ${column.default}`,
    ]
    return parts.join(' ')
  })
  // Statements of one query are one transaction: where one fails, no copy is left.
  const results = (await query(
    `create temp table ${COPY} (${definitions.join(', ')}); ${formsOf(`pg_temp.${COPY}`)}; drop table ${COPY}`,
  ).catch((error: Error) => {
    throw new NotVerified(`the columns of ${name} cannot be read from the code: ${error.message}`)
  })) as unknown as { rows: Row[] }[]
  return toForms(results[1]?.rows ?? [])
}

async function formsOfDatabase(
  { query }: Internals,
  { schema, name }: CodeTable,
): Promise<Map<string, Form>> {
  const quoted = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
  const { rows } = await query<Row>(formsOf(quoted))
  return toForms(rows)
}

type Row = Form & { name: string }

function formsOf(table: string): string {
  return `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required,
    pg_get_expr(adbin, adrelid) as default
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = to_regclass(${pg.escapeLiteral(table)}) and attnum > 0 and not attisdropped order by attnum`
}

function toForms(rows: readonly Row[]): Map<string, Form> {
  return new Map(rows.map(({ name, ...form }) => [name, form]))
}

function driftsOf({ column, code, database, given }: Compared): string[] {
  if (!database) return [`${column} is not in the database`]
  if (!code) return [`${column} is not in the code`]
  const drifts: string[] = []
  if (code.type !== database.type) drifts.push(`${column} is ${code.type} in the code and ${database.type}`)
  if (code.required !== database.required) {
    drifts.push(`${column} ${database.required ? 'may not be' : 'may be'} null in the database only`)
  }
  if (
    given &&
    isDefaultComparable(given) &&
    code.default !== database.default &&
    !isSequence(code, database)
  ) {
    drifts.push(
      `the default of ${column} is ${code.default ?? 'none'} in the code and ${database.default ?? 'none'}`,
    )
  }
  return drifts
}

/** A default that the code computes from other parts is not text. A generated column has its expression in its place. */
function isDefaultComparable({ default: given, isGenerated }: CodeColumn): boolean {
  return given !== null && !isGenerated
}

/** Each table has a sequence of its own. */
function isSequence(code: Form, database: Form): boolean {
  return [code, database].every(form => form.default?.startsWith('nextval(') === true)
}
