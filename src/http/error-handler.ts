/** Renders every error of the service, Fastify, ajv and PostgreSQL as RFC 9457 problem details. */
import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { SERVICE_ID } from '../config/service-name.ts'
import { databaseErrorCode, isDatabaseGone } from '../db/errors.ts'
import { reasonOf } from '../observability/log.ts'
import { type Catalogue, type CatalogueEntry, type ErrorCode, errors } from './errors.ts'
import { type FieldError, listFieldErrors } from './field-errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    catalogue: Catalogue
    /** The codes of the database's constraints that a client can violate, by the name of the constraint. */
    constraints: Readonly<Record<string, ErrorCode>>
  }
  interface FastifyReply {
    /** The error code of the response, for the log line; empty where there is none. */
    problemCode: string
  }
}

export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: string
  requestId: string
  errors?: FieldError[]
}

/** Seconds after which a client may retry. An overload that is shed passes within one. */
const RETRY_AFTER_SECONDS = '1'

type Options = Pick<FastifyInstance, 'catalogue' | 'constraints'>

export const errorHandler = fp(
  async (app: FastifyInstance, { catalogue, constraints }: Options) => {
    app.decorate('catalogue', catalogue)
    app.decorate('constraints', constraints)
    app.decorateReply('problemCode', '')
    app.setErrorHandler(sendProblem)
    app.setNotFoundHandler(function sendNotFound({ raw, originalUrl }, reply) {
      // RFC 9110 §9.3.7: `OPTIONS *` asks whether the server is there.
      if (raw.method === 'OPTIONS' && originalUrl === '*') return reply.code(204).send()
      throw unrouted.get(raw) ?? new errors.NotFound()
    })
  },
  { name: 'error-handler' },
)

/** The errors of URLs that Fastify refused before it looked for a route. */
const unrouted = new WeakMap<IncomingMessage, FastifyError>()

/** A path that has no route. */
const NOWHERE = '/.nowhere'

/**
 * Fastify's `frameworkErrors`: a malformed URL, or a parameter that is too long. No hook has run for it yet, so it is
 * routed again, to a path without a route: there it gets its id, headers, limit, log line and metric as any other request.
 */
export function refuseUnrouted(
  error: FastifyError,
  { raw, server }: FastifyRequest,
  reply: FastifyReply,
): void {
  unrouted.set(raw, error)
  Object.assign(raw, { originalUrl: raw.url, url: NOWHERE })
  server.routing(raw, reply.raw)
}

/** The error handler. It sends a problem for everything that was thrown; a value that is no Error becomes a 500. */
export function sendProblem(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = thrown instanceof Error ? thrown : (new Error('not an error') as FastifyError)
  const entry = entryOf(error, request.server)
  if (entry.status === 503) logRefusal(error, entry, request)
  else if (entry.status >= 500) request.log.error({ err: error, code: entry.code }, 'request failed')
  if (entry.status === 503 && !reply.hasHeader('retry-after'))
    reply.header('retry-after', RETRY_AFTER_SECONDS)
  if (entry.status === 401) reply.header('www-authenticate', 'Bearer')
  // Fastify closes the connection after each body that it could not read. A client that is still sending one would be reset,
  // and lose the response (RFC 9112 §9.6). Here the rest is read and dropped, for as long as a request may take.
  reply.removeHeader('connection')
  reply.problemCode = entry.code
  const instance = request.originalUrl.split('?', 1)[0] ?? ''
  const problem: Problem = {
    ...describeProblem(entry, { detail: detailOf(error, entry), instance, requestId: request.id }),
    ...describeMistakes(error, entry, request),
  }
  // Serialized here, not by a route's schema: a problem has the same shape on every route, and where there is no route.
  reply
    .code(entry.status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problem)
}

/**
 * A 503 is no fault of this program, so its line has no stack. A lost database has a line of its own when it is lost and
 * when it is back, and each request has a line with its code: the level here is debug for both.
 */
function logRefusal(error: FastifyError, { code }: CatalogueEntry, { log }: FastifyRequest): void {
  const isKnown = error.code === code || isDatabaseGone(error)
  log[isKnown ? 'debug' : 'warn']({ code, reason: reasonOf(error) }, 'request failed')
}

function entryOf(error: FastifyError, { catalogue, constraints }: Options): CatalogueEntry {
  const own = catalogue.find(error.validation ? 'VALIDATION_FAILED' : error.code)
  if (own) return own
  const { statusCode: status } = error
  // An error with a status is no database error: a client that leaves while it sends its body is an ECONNRESET with 400.
  if (status === undefined)
    return catalogue.find(databaseErrorCode(error, constraints)) ?? catalogue.forStatus(500)
  return catalogue.forStatus(status >= 400 && status < 600 ? status : 500)
}

/** Returns what a failed validation adds to its problem. */
function describeMistakes(
  { validation, validationContext }: FastifyError,
  { title }: CatalogueEntry,
  request: FastifyRequest,
): Partial<Problem> {
  if (!validation) return {}
  const { errors, count } = listFieldErrors(request, validationContext ?? 'body', validation)
  const isCut = errors.length < count
  return {
    errors,
    ...(isCut && { detail: `${title}: of ${count} mistakes, the first ${errors.length} are listed` }),
  }
}

/** Returns the message of our own errors, and the title for others: their messages may quote internals. */
function detailOf(error: FastifyError, entry: CatalogueEntry): string {
  return error.code === entry.code ? error.message : entry.title
}

/** Returns the problem of an entry. Its title is the detail unless another one is given. */
export function describeProblem(
  { code, title, status }: CatalogueEntry,
  { detail = title, instance, requestId }: { detail?: string; instance: string; requestId: string },
): Problem {
  const type = `urn:${SERVICE_ID}:problem:${code.toLowerCase().replaceAll('_', '-')}`
  return { type, title, status, detail, instance, code, requestId }
}
