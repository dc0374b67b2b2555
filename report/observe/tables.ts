/** Reads the Drizzle tables that the loaded modules of an app export: their columns as the code has them. */
import { fileURLToPath } from 'node:url'
import { watchModules } from './modules.ts'
import type { CodeColumn, CodeTable } from './observation.ts'

/** Drizzle marks its tables with symbols of the global registry, so that copies of the package know each other's. */
const MARKS = {
  isTable: Symbol.for('drizzle:IsDrizzleTable'),
  name: Symbol.for('drizzle:Name'),
  schema: Symbol.for('drizzle:Schema'),
  columns: Symbol.for('drizzle:Columns'),
}

const MODULE = /\.[cm]?[jt]s$/

/** Starts to record which files of the app are loaded. Returns a function that reads the tables that these export. */
export function watchTables(root: string): () => Promise<CodeTable[]> {
  const files = new Set<string>()
  const update = watchModules(url => {
    if (!url.startsWith('file:') || url.includes('?') || !MODULE.test(url)) return
    const file = fileURLToPath(url)
    if (file.startsWith(root) && !file.includes('/node_modules/')) files.add(url)
  })
  return async () => {
    update()
    const found = new Map<string, CodeTable>()
    for (const url of files) {
      // The app has loaded it, so this runs no code.
      const exported = (await import(url)) as Record<string, unknown>
      for (const table of tablesIn(exported)) found.set(`${table.schema}.${table.name}`, table)
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

/** Tables are exported by themselves, or as values of an object. */
function tablesIn(exported: Record<string, unknown>): CodeTable[] {
  const values = Object.values(exported)
  const nested = values.filter(isPlainObject).flatMap(value => Object.values(value))
  return [...values, ...nested].flatMap(describeTable)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function describeTable(value: unknown): CodeTable[] {
  if (typeof value !== 'object' || value === null) return []
  const table = value as Record<symbol, unknown>
  if (table[MARKS.isTable] !== true) return []
  const columns = Object.values((table[MARKS.columns] ?? {}) as Record<string, Column>)
  return [
    {
      name: String(table[MARKS.name]),
      schema: String(table[MARKS.schema] ?? 'public'),
      columns: columns.map(describeColumn),
    },
  ]
}

/** What is read of a column. Drizzle documents `getSQLType`; the rest are its public fields. */
type Column = {
  name: string
  notNull: boolean
  primary: boolean
  default?: unknown
  generated?: unknown
  generatedIdentity?: unknown
  getSQLType: () => string
}

function describeColumn(column: Column): CodeColumn {
  const { name, notNull, primary, generated, generatedIdentity } = column
  return {
    name,
    type: column.getSQLType(),
    isRequired: notNull || primary,
    isGenerated: generated !== undefined || generatedIdentity !== undefined,
    default: column.default === undefined ? undefined : (sqlOf(column.default) ?? null),
  }
}

/** Returns a default as SQL; undefined where it cannot be written as such. */
function sqlOf(value: unknown): string | undefined {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return quote(value)
  if (value instanceof Date) return quote(value.toISOString())
  const { queryChunks } = value as { queryChunks?: unknown[] }
  if (queryChunks) return textOf(queryChunks)
  return isPlainObject(value) || Array.isArray(value) ? quote(JSON.stringify(value)) : undefined
}

function textOf(chunks: readonly unknown[]): string | undefined {
  const texts = chunks.map(chunk => (chunk as { value?: unknown }).value)
  return texts.every(text => Array.isArray(text)) ? texts.flat().join('') : undefined
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
