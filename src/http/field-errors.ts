/** Lists every validation error of a request, in words, and without the values that were sent. */
import type { FastifyRequest, FastifySchemaValidationError } from 'fastify'

/** One validation error. `path` is a JSON pointer, `keyword` the one of JSON Schema that failed. */
export type FieldError = { path: string; message: string; keyword: string }

/** Errors that are listed at most. A body can have one for every seven of its bytes. */
export const MAX_FIELD_ERRORS = 100

/** In the order in which Fastify validates them. It stops after the first that is not valid; the rest are validated here. */
const PARTS = ['params', 'body', 'querystring', 'headers'] as const

type Part = (typeof PARTS)[number]

/** An error of ajv in its verbose form. Its `data` is the value, which is not used. */
type AjvError = FastifySchemaValidationError & {
  parentSchema?: { description?: string; anyOf?: { const?: unknown }[]; enum?: unknown[]; const?: unknown }
}

/**
 * Returns the first errors of all parts of a request, and how many there are. `found` are the errors of the part `failed`,
 * where Fastify stopped.
 */
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

/** Drops the errors of the alternatives of an `anyOf`: a value that matches none of them is one error. */
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

/** Returns ajv's message, which quotes the schema and never the value; for a pattern, the description of the schema. */
function describe({ keyword, message = 'is not valid', parentSchema = {} }: AjvError): string {
  const { description, anyOf = [], enum: values = anyOf.map(branch => branch.const) } = parentSchema
  if (keyword === 'required') return 'is required'
  if (keyword === 'additionalProperties') return 'is not a known property'
  if (keyword === 'const') return `must be ${JSON.stringify(parentSchema.const)}`
  if (keyword === 'pattern' && description)
    return `must be ${description[0]?.toLowerCase()}${description.slice(1)}`
  if (keyword === 'pattern') return 'does not match the expected pattern'
  if (values.length > 0 && !values.includes(undefined)) return `must be one of ${values.join(', ')}`
  return message
}

/** Escapes a name for a JSON pointer (RFC 6901 §3), and cuts it: an unknown key is the client's own text. */
function escapePointer(name: string): string {
  return name.slice(0, 64).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}
