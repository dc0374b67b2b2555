/** The schema of results as other tools read it: plain JSON Schema. */
import { ResultSchema } from './schema.ts'

/** Returns the schema without TypeBox's own symbols, with the dialect it is written in. */
export function publishedSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...JSON.parse(JSON.stringify(ResultSchema)),
  }
}
