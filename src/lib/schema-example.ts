/** Makes an example of what a schema describes, out of the examples of its parts. */
import type { TSchema } from '@sinclair/typebox'

/** An example: the schema's own where it has one, else its constant, its default, or one made of its parts. */
export function exampleOf(schema: TSchema): unknown {
  const { examples, const: constant, default: fallback, anyOf, properties, items, type } = schema
  const own = [examples?.[0], constant, fallback].find(value => value !== undefined)
  if (own !== undefined) return own
  if (anyOf) return exampleOf(anyOf[0])
  if (properties)
    return Object.fromEntries(
      Object.entries(properties as Record<string, TSchema>).map(([name, part]) => [name, exampleOf(part)]),
    )
  if (items) return [exampleOf(items)]
  return type === 'boolean' ? true : null
}
