/** The catalogue of errors: a stable code, a title and a status for everything the service can refuse or fail with. */
import createError from '@fastify/error'

/**
 * What a client can be told. `code` is stable and may be relied on; the title may be reworded.
 * One entry for each kind of refusal; RFC 9457 §3.1 has the terms.
 */
export const errors = {
  ValidationFailed: createError('VALIDATION_FAILED', 'The request does not fit the schema', 400),
  BadRequest: createError('BAD_REQUEST', 'The request cannot be read', 400),
  InvalidValue: createError('INVALID_VALUE', 'A value cannot be stored', 400),
  InvalidCursor: createError('INVALID_CURSOR', 'The cursor was not made by this list', 400),
  WeakPassword: createError('WEAK_PASSWORD', 'The password is too easy to guess', 400),
  Unauthorized: createError('UNAUTHORIZED', 'A valid access token is required', 401),
  InvalidCredentials: createError('INVALID_CREDENTIALS', 'E-mail or password is wrong', 401),
  InvalidRefreshToken: createError('INVALID_REFRESH_TOKEN', 'The refresh token is not valid', 401),
  Forbidden: createError('FORBIDDEN', 'The caller may not do this', 403),
  WrongPassword: createError('WRONG_PASSWORD', 'The current password is wrong', 403),
  CsrfFailed: createError('CSRF_FAILED', 'The CSRF token is missing or wrong', 403),
  NotFound: createError('NOT_FOUND', 'There is no such resource', 404),
  MethodNotAllowed: createError('METHOD_NOT_ALLOWED', 'The resource does not answer this method', 405),
  RequestTimeout: createError('REQUEST_TIMEOUT', 'The request took too long to arrive', 408),
  Conflict: createError('CONFLICT', 'The request conflicts with the state of the resource', 409),
  LastAdmin: createError('LAST_ADMIN', 'At least one enabled admin must remain', 409),
  EmailTaken: createError('EMAIL_TAKEN', 'The e-mail address belongs to another account', 409),
  PayloadTooLarge: createError('PAYLOAD_TOO_LARGE', 'The body is too large', 413),
  UriTooLong: createError('URI_TOO_LONG', 'The URL is too long', 414),
  UnsupportedMediaType: createError('UNSUPPORTED_MEDIA_TYPE', 'The body must be JSON in UTF-8', 415),
  TooManyRequests: createError('TOO_MANY_REQUESTS', 'Too many requests', 429),
  HeadersTooLarge: createError('HEADERS_TOO_LARGE', 'The headers are too large', 431),
  Internal: createError('INTERNAL_ERROR', 'The service failed', 500),
  Overloaded: createError('OVERLOADED', 'The service is overloaded', 503),
  DatabaseUnavailable: createError('DATABASE_UNAVAILABLE', 'The database does not answer', 503),
  NotReady: createError('NOT_READY', 'The service is not ready for traffic', 503),
} as const

export type CatalogueEntry = { code: string; title: string; status: number }

type KnownError = (typeof errors)[keyof typeof errors]

/** Every entry as plain data, for the error handler, the documentation and the tests. */
export const catalogue: readonly CatalogueEntry[] = Object.values(errors).map(describe)

const byCode = new Map<string, CatalogueEntry>(catalogue.map(entry => [entry.code, entry]))

/** The catalogue's entry of a code, or undefined where the code is not ours. */
export function findEntry(code: string | undefined): CatalogueEntry | undefined {
  return code === undefined ? undefined : byCode.get(code)
}

/** The most general entry of a status: what the framework's own refusals are shown as. */
export function entryForStatus(status: number): CatalogueEntry {
  const general = { 400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 503: 'OVERLOADED' }[status]
  return findEntry(general) ?? catalogue.find(entry => entry.status === status) ?? describe(errors.Internal)
}

function describe(KnownError: KnownError): CatalogueEntry {
  const { code, message, statusCode = 500 } = new KnownError()
  return { code, title: message, status: statusCode }
}
