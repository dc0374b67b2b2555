/** Lists what is wrong with a request: every mistake in each of its parts, in words, and never a value. */
import type { FastifyRequest, FastifySchemaValidationError } from 'fastify'

/** One mistake. `path` is a JSON pointer, `keyword` that of JSON Schema which was not kept. */
export type FieldError = { path: string; message: string; keyword: string }

/** Mistakes that are listed. A body may have one for every seven bytes of it. */
export const MAX_FIELD_ERRORS = 100

/** In the order in which Fastify validates them; it stops after the first that is not valid. */
const PARTS = ['params', 'body', 'querystring', 'headers'] as const

type Part = (typeof PARTS)[number]

/** ajv's own, in its verbose form; `data` has the value, and is left alone. */
type AjvError = FastifySchemaValidationError & {
  parentSchema?: { description?: string; anyOf?: { const?: unknown }[]; enum?: unknown[]; const?: unknown }
}

/** The first of the mistakes in all parts of a request, and how many there are. `found` are those of part `failed`. */
export function listFieldErrors(
  request: FastifyRequest,
  failed: Part,
  found: FastifySchemaValidationError[],
): { errors: FieldError[]; count: number } {
  const rest = PARTS.slice(PARTS.indexOf(failed) + 1)
  const all = [
    ...withoutBranches(found, failed),
    ...rest.flatMap(part => withoutBranches(validatePart(request, part), part)),
  ]
  const errors = all.slice(0, MAX_FIELD_ERRORS).map(([part, error]) => describeMistake(part, error))
  return { errors, count: all.length }
}

function validatePart(request: FastifyRequest, part: Part): FastifySchemaValidationError[] {
  const validate = request.getValidationFunction(part)
  const value: unknown = part === 'querystring' ? request.query : request[part]
  if (validate?.(value ?? null) !== false) return []
  return (validate.errors ?? []) as FastifySchemaValidationError[]
}

/** A value that is none of several alternatives is one mistake, not one for each of them. */
function withoutBranches(found: FastifySchemaValidationError[], part: Part): [Part, AjvError][] {
  const unions = new Set(found.filter(({ keyword }) => keyword === 'anyOf').map(placeOf))
  return found
    .filter(error => {
      const [, union] = /^(.*\/anyOf)\//.exec(error.schemaPath) ?? []
      return union === undefined || !unions.has(placeOf({ ...error, schemaPath: union }))
    })
    .map(error => [part, error])
}

function placeOf({ instancePath, schemaPath }: FastifySchemaValidationError): string {
  return `${instancePath} ${schemaPath}`
}

function describeMistake(part: Part, error: AjvError): FieldError {
  const { missingProperty, additionalProperty } = error.params as Record<string, string>
  const property = missingProperty ?? additionalProperty
  const path =
    property === undefined ? error.instancePath : `${error.instancePath}/${escapePointer(property)}`
  return { path: `/${part}${path}`, message: describe(error), keyword: error.keyword }
}

/** ajv's messages speak of the schema, never of the value; a pattern is told by what it stands for. */
function describe({ keyword, message = 'is not valid', parentSchema = {} }: AjvError): string {
  const { description, anyOf = [], enum: values = anyOf.map(branch => branch.const) } = parentSchema
  if (keyword === 'required') return 'is required'
  if (keyword === 'additionalProperties') return 'is not a known property'
  if (keyword === 'const') return `must be ${JSON.stringify(parentSchema.const)}`
  if (keyword === 'pattern' && description)
    return `must be ${description[0]?.toLowerCase()}${description.slice(1)}`
  if (keyword === 'pattern') return 'is not written in the form that is asked for'
  if (values.length > 0 && !values.includes(undefined)) return `must be one of ${values.join(', ')}`
  return message
}

/** RFC 6901 §3; bounded, because the name of an unknown key is the client's own text. */
function escapePointer(name: string): string {
  return name.slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}
