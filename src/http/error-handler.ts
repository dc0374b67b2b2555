/** Renders every refusal and failure as RFC 9457 problem details, whoever raised it: us, Fastify, ajv, PostgreSQL. */
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
    /** The code of the problem that was answered, for the log line; empty where there was none. */
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

/** Seconds after which a refused client may try again. The overloads that we shed pass within one. */
const RETRY_AFTER_SECONDS = '1'

type Options = Pick<FastifyInstance, 'catalogue' | 'constraints'>

export const errorHandler = fp(
  async (app: FastifyInstance, { catalogue, constraints }: Options) => {
    app.decorate('catalogue', catalogue)
    app.decorate('constraints', constraints)
    app.decorateReply('problemCode', '')
    app.setErrorHandler(sendProblem)
    app.setNotFoundHandler(function answerNotFound({ raw, originalUrl }, reply) {
      // RFC 9110 §9.3.7: a question to the server as a whole, which only shows that it is there.
      if (raw.method === 'OPTIONS' && originalUrl === '*') return reply.code(204).send()
      throw unrouted.get(raw) ?? new errors.NotFound()
    })
  },
  { name: 'error-handler' },
)

/** Why Fastify refused URLs before it looked for their routes. */
const unrouted = new WeakMap<IncomingMessage, FastifyError>()

/** A path that has no route. */
const NOWHERE = '/.nowhere'

/**
 * Fastify's `frameworkErrors`: a URL that is no URL, or a parameter that is too long. No hook has run for it yet, so
 * it goes round again, to nowhere: there it gets its id, headers, limit, log line and metric as any other request.
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

/** The error handler. Whatever was thrown, it is answered; only an Error can say with what. */
export function sendProblem(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = thrown instanceof Error ? thrown : (new Error('not an error') as FastifyError)
  const entry = entryOf(error, request.server)
  if (entry.status === 503) logRefusal(error, entry, request)
  else if (entry.status >= 500) request.log.error({ err: error, code: entry.code }, 'request failed')
  if (entry.status === 503 && !reply.hasHeader('retry-after'))
    reply.header('retry-after', RETRY_AFTER_SECONDS)
  if (entry.status === 401) reply.header('www-authenticate', 'Bearer')
  // Fastify closes after each body that it could not read. A client that is still sending one would be reset, and lose the
  // answer (RFC 9112 §9.6): the rest is read and dropped instead, for as long as a request may take.
  reply.removeHeader('connection')
  reply.problemCode = entry.code
  const instance = request.originalUrl.split('?', 1)[0] ?? ''
  const problem: Problem = {
    ...describeProblem(entry, { detail: detailOf(error, entry), instance, requestId: request.id }),
    ...describeMistakes(error, entry, request),
  }
  // Serialized here, not by a route's schema: a problem has one shape on every route, known or not.
  reply
    .code(entry.status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problem)
}

/**
 * A 503 is no mistake of this program, so it has no stack. A database that is gone is a line when it goes and one when it is
 * back; what that does to each request is in the request's own line, and so is the code of our own refusals.
 */
function logRefusal(error: FastifyError, { code }: CatalogueEntry, { log }: FastifyRequest): void {
  const isKnown = error.code === code || isDatabaseGone(error)
  log[isKnown ? 'debug' : 'warn']({ code, reason: reasonOf(error) }, 'request failed')
}

function entryOf(error: FastifyError, { catalogue, constraints }: Options): CatalogueEntry {
  const own = catalogue.find(error.validation ? 'VALIDATION_FAILED' : error.code)
  if (own) return own
  const { statusCode: status } = error
  // What has a status is no database error: a client that goes while it sends its body is an ECONNRESET of 400, too.
  if (status === undefined)
    return catalogue.find(databaseErrorCode(error, constraints)) ?? catalogue.forStatus(500)
  return catalogue.forStatus(status >= 400 && status < 600 ? status : 500)
}

/** What a failed validation adds to its problem. */
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

/** Our own errors explain themselves; anyone else's message may quote internals, so its title has to do. */
function detailOf(error: FastifyError, entry: CatalogueEntry): string {
  return error.code === entry.code ? error.message : entry.title
}

/** The problem of an entry: its title explains it where nothing more is known. */
export function describeProblem(
  { code, title, status }: CatalogueEntry,
  { detail = title, instance, requestId }: { detail?: string; instance: string; requestId: string },
): Problem {
  const type = `urn:${SERVICE_ID}:problem:${code.toLowerCase().replaceAll('_', '-')}`
  return { type, title, status, detail, instance, code, requestId }
}
