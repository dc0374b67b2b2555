/** The published JSON Schema: its path and its content. */
import { fileURLToPath } from 'node:url'
import { ReportSchema } from './document.ts'

export const SCHEMA_FILE = fileURLToPath(new URL('../report.schema.json', import.meta.url))

export function renderSchema(): string {
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...ReportSchema }
  return `${JSON.stringify(schema, undefined, 2)}\n`
}
