/** Generates examples of values from the examples, defaults and constants in their JSON schema. */

type Schema = {
  type?: string | string[]
  examples?: unknown[]
  default?: unknown
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

/**
 * Returns an example of a schema; undefined where its parts have none. Optional properties without an example are left out.
 */
export function exampleOf(schema: Schema): unknown {
  const { properties, required = [], items, anyOf } = schema
  // An example may be null: `??` would skip it.
  if (schema.examples) return schema.examples[0]
  const given = schema.default ?? schema.const ?? schema.enum?.[0]
  if (given !== undefined) return given
  if (anyOf?.[0]) return exampleOf(anyOf[0])
  if (items) return [exampleOf(items)]
  if (!properties) return undefined
  const shown = Object.entries(properties).filter(
    ([name, { examples }]) => examples || required.includes(name),
  )
  return Object.fromEntries(shown.map(([name, property]) => [name, exampleOf(property)]))
}
