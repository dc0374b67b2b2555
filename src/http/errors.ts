/** The catalogue of errors: a stable code, a title and a status for each error that a client can get. */
import createError, { type FastifyErrorConstructor } from '@fastify/error'

/**
 * The errors that any route can have. The code of an error never changes; its title may be reworded.
 * Each module declares its own errors in `errors.ts`. RFC 9457 §3.1 defines the terms.
 */
export const errors = {
  ValidationFailed: createError('VALIDATION_FAILED', 'The request does not match the schema', 400),
  BadRequest: createError('BAD_REQUEST', 'The request cannot be read', 400),
  InvalidValue: createError('INVALID_VALUE', 'A value cannot be stored', 400),
  InvalidCursor: createError('INVALID_CURSOR', 'The cursor does not belong to this list', 400),
  Unauthorized: createError('UNAUTHORIZED', 'A valid access token is required', 401),
  Forbidden: createError('FORBIDDEN', 'The caller may not do this', 403),
  NotFound: createError('NOT_FOUND', 'There is no such resource', 404),
  MethodNotAllowed: createError('METHOD_NOT_ALLOWED', 'The resource does not support this method', 405),
  RequestTimeout: createError('REQUEST_TIMEOUT', 'The request took too long to arrive', 408),
  Conflict: createError('CONFLICT', 'The request conflicts with the state of the resource', 409),
  PayloadTooLarge: createError('PAYLOAD_TOO_LARGE', 'The body is too large', 413),
  UriTooLong: createError('URI_TOO_LONG', 'The URL is too long', 414),
  UnsupportedMediaType: createError('UNSUPPORTED_MEDIA_TYPE', 'The body must be JSON in UTF-8', 415),
  TooManyRequests: createError('TOO_MANY_REQUESTS', 'Too many requests', 429),
  HeadersTooLarge: createError('HEADERS_TOO_LARGE', 'The headers are too large', 431),
  Internal: createError('INTERNAL_ERROR', 'The service failed', 500),
  Overloaded: createError('OVERLOADED', 'The service is overloaded', 503),
  DatabaseUnavailable: createError('DATABASE_UNAVAILABLE', 'The database does not respond', 503),
  NotReady: createError('NOT_READY', 'The service is not ready for traffic', 503),
} as const

/** The errors of the service or of a module, by the name of their class. */
export type ErrorGroup = Readonly<Record<string, FastifyErrorConstructor>>

type CodeOf<Class> = Class extends FastifyErrorConstructor<{ code: infer Code extends string }> ? Code : never

/** The codes of a group, as the keys of a type. */
export type CodesOf<Group> = { [Name in keyof Group as CodeOf<Group[Name]>]: true }

/** The codes of all modules. Each module adds its own with `declare module`, so a misspelt code does not compile. */
// biome-ignore lint/suspicious/noEmptyInterface: modules merge their own members into it.
export interface ModuleErrorCodes {}

export type ErrorCode = keyof CodesOf<typeof errors> | keyof ModuleErrorCodes

export type CatalogueEntry = { code: string; title: string; status: number }

export type Catalogue = ReturnType<typeof createCatalogue>

/** The code for an error of the framework, where several codes have its status. */
const GENERAL_CODES: Record<number, ErrorCode> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  503: 'OVERLOADED',
}

/** Returns the catalogue of the general errors and those of the modules. Throws if two errors have the same code. */
export function createCatalogue(groups: readonly ErrorGroup[] = []) {
  const entries = [errors, ...groups]
    .flatMap(group => Object.values(group).map(describe))
    .toSorted((a, b) => a.status - b.status)
  const byCode = new Map(entries.map(entry => [entry.code, entry]))
  const twice = entries.filter(entry => byCode.get(entry.code) !== entry).map(({ code }) => code)
  if (twice.length > 0) throw new Error(`two errors have the same code: ${twice.join(', ')}`)
  const internal = describe(errors.Internal)
  const find = (code: string | undefined) => (code === undefined ? undefined : byCode.get(code))
  return {
    /** All entries, sorted by status. */
    entries,
    /** Returns the entry of a code, or undefined if there is none. */
    find,
    /** Returns the most general entry of a status, or INTERNAL_ERROR if there is none. */
    forStatus: (status: number): CatalogueEntry =>
      find(GENERAL_CODES[status]) ?? entries.find(entry => entry.status === status) ?? internal,
  }
}

/** The general errors alone, for requests that fail before a route is found. */
export const generalCatalogue = createCatalogue()

function describe(ErrorClass: FastifyErrorConstructor): CatalogueEntry {
  const { code, message, statusCode = 500 } = new ErrorClass()
  return { code, title: message, status: statusCode }
}
