/** Reads the JSON Schemas of routes: their text fields, and an example that they accept. */

/** The keywords that examples are made from. */
export type JsonSchema = {
  type?: string | string[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  examples?: unknown[]
  default?: unknown
  const?: unknown
  enum?: unknown[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minItems?: number
}

/** Returns the names of the properties that accept text. */
export function textProperties(schema: unknown): string[] {
  return Object.entries((schema as JsonSchema | undefined)?.properties ?? {})
    .filter(([, { type }]) => type === undefined || type === 'string')
    .map(([name]) => name)
}

/** Returns whether a property accepts this text as free text: not as one of a list, and in no format. */
export function acceptsText({ type, enum: values, const: value, format, pattern }: JsonSchema, text: string) {
  if (type !== 'string' || [values, value, format].some(keyword => keyword !== undefined)) return false
  return pattern === undefined || new RegExp(pattern, 'u').test(text)
}

/** Returns a body that the route accepts, as far as its schema describes one. */
export function exampleBody({ schemas }: { schemas: { body?: unknown } }): unknown {
  return schemas.body === undefined ? {} : exampleOf(schemas.body as JsonSchema)
}

const BY_FORMAT: Record<string, string> = {
  uuid: '00000000-0000-4000-8000-000000000000',
  email: 'report@example.com',
  uri: 'https://example.com/',
  date: '2026-01-31',
  'date-time': '2026-01-31T12:00:00.000Z',
}

/** Returns a value that the schema accepts: its example or default, else one that its keywords describe. */
export function exampleOf(schema: JsonSchema): unknown {
  const { examples, default: fallback, const: value, enum: values, anyOf, oneOf } = schema
  const [given] = [examples?.[0], fallback, value, values?.[0]].filter(known => known !== undefined)
  if (given !== undefined) return given
  const [variant] = anyOf ?? oneOf ?? []
  return variant ? exampleOf(variant) : exampleOfType(schema)
}

function exampleOfType(schema: JsonSchema): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object' || schema.properties) return exampleOfObject(schema)
  if (type === 'array') {
    const { items = {}, minItems = 0 } = schema
    return Array.from({ length: minItems }, () => exampleOf(items))
  }
  if (type === 'boolean') return false
  if (type === 'null') return null
  if (type === 'integer' || type === 'number') {
    const { minimum, exclusiveMinimum } = schema
    return minimum ?? (exclusiveMinimum === undefined ? 1 : exclusiveMinimum + 1)
  }
  return exampleOfText(schema)
}

function exampleOfObject({ properties = {}, required = Object.keys(properties) }: JsonSchema) {
  const names = required.filter(name => name in properties)
  return Object.fromEntries(names.map(name => [name, exampleOf(properties[name] ?? {})]))
}

function exampleOfText({ format = '', minLength = 0, maxLength }: JsonSchema): string {
  return BY_FORMAT[format] ?? 'report'.padEnd(minLength, 't').slice(0, maxLength)
}
