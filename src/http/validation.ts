/** Reads and validates requests: I-JSON in valid UTF-8, strict bodies; only the query and the path are coerced. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { Ajv, type Options } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { findFault } from '../lib/i-json.ts'
import { errors } from './errors.ts'

/** Deeper than any body that the API needs. JSON.stringify and ajv recurse: depth costs stack. */
const MAX_DEPTH = 32

/** Longer than any URL of the API, and below the 16 KiB that Node's parser allows for all headers. */
const MAX_URL_LENGTH = 4096

const AJV_OPTIONS: Options = {
  // All errors: the size of a body bounds them, and patterns take linear time. `verbose` adds the schema to each.
  allErrors: true,
  verbose: true,
  useDefaults: true,
  removeAdditional: false,
  // TypeBox makes valid schemas; to validate them as well takes 25 ms of every start.
  validateSchema: false,
}

export const validation = fp(
  async (app: FastifyInstance) => {
    const strict = createAjv({ ...AJV_OPTIONS, coerceTypes: false })
    // A query or path is text: numbers in it are coerced. ajv coerces `Infinity` to a number, and with strictNumbers, the
    // default, does not compare it with the maximum of a schema.
    const coercing = createAjv({ ...AJV_OPTIONS, coerceTypes: true, strictNumbers: false })
    app.setValidatorCompiler(({ schema, httpPart }) =>
      (httpPart === 'body' ? strict : coercing).compile(schema),
    )

    // The names of all routes' parameters, which are few: to iterate over the parameters of a request takes 80 ns.
    const parameters: string[] = []
    app.addHook('onRoute', function collectParameters({ url }) {
      const names = Array.from(url.matchAll(/:(\w+)/g), ([, name = '']) => name)
      parameters.push(...names.filter(name => !parameters.includes(name)))
    })

    // Fastify's own formatter joins the messages of all errors, which may be thousands.
    app.setSchemaErrorFormatter(() => new errors.ValidationFailed())

    app.addHook('onRequest', function refuseUnreadable({ raw, params }, _reply, done) {
      // The router matches `/users/` to `/users/:id`, with an empty id. There is nothing at such a path.
      for (const name of parameters)
        if ((params as Record<string, string>)[name] === '') return done(new errors.NotFound())
      if ((raw.url?.length ?? 0) > MAX_URL_LENGTH) return done(new errors.UriTooLong())
      // RFC 9112 §3.2: without Host, or with two, a proxy may have seen another request than this server.
      const hosts = countHosts(raw.rawHeaders)
      if (hosts > 1 || (hosts === 0 && raw.httpVersion !== '1.0')) return done(new errors.BadRequest())
      done()
    })

    const parseJson = app.getDefaultJsonParser('error', 'error')
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      function readJson(request, body, done) {
        if (body.length === 0) return done(null, undefined)
        const text = wellFormedText(request, body as Buffer)
        if (text instanceof Error) return done(text)
        parseJson(request, text, (error, value) => {
          const fault = error ? undefined : findFault(text, MAX_DEPTH)
          if (fault === undefined) done(error, value)
          else done(Object.assign(new errors.BadRequest(), { message: fault }))
        })
      },
    )
    app.addContentTypeParser('*', refuseContent)
    app.addHook('onRoute', function ignoreTypesOfNothing(route) {
      const isRead = [route.method].flat().every(method => method === 'GET' || method === 'HEAD')
      if (!isRead) route.preParsing = [ignoreTypeOfNothing, ...[route.preParsing ?? []].flat()]
    })
  },
  { name: 'validation' },
)

/**
 * A hook that ignores the content type of an empty body. Many clients send one with every request, and Fastify would
 * refuse it. Where a body is expected, validation reports that there is none.
 */
function ignoreTypeOfNothing(
  request: FastifyRequest,
  _reply: FastifyReply,
  _payload: unknown,
  done: HookHandlerDoneFunction,
): void {
  const { headers } = request.raw
  const length =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined
  // Without a length, the parsers see whether a body comes. Fastify calls none where it cannot read the type.
  if (length === 0 || request.mediaType !== 'application/json') delete headers['content-type']
  done()
}

/** Accepts an empty body of any type. The first byte of another is refused, and the rest dropped. */
function refuseContent(
  request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: unknown) => void,
) {
  // There is no such path: the body does not matter.
  if (request.is404) return done(null, undefined)
  function settle(error: Error | null): void {
    payload.off('end', end).off('error', abort).off('data', refuse)
    done(error, undefined)
  }
  const end = () => settle(null)
  const refuse = () => settle(new errors.UnsupportedMediaType())
  // The client has left. Node's own error has the code of a lost connection, which would count as a database error.
  const abort = () => settle(new errors.BadRequest())
  payload.on('end', end).on('error', abort).on('data', refuse)
}

function createAjv(options: Options): Ajv {
  const ajv = new Ajv(options)
  addFormats.default(ajv)
  return ajv
}

function countHosts(rawHeaders: string[]): number {
  let count = 0
  // Names and values alternate.
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

/** RFC 8259 §8.1: JSON is sent without a byte order mark. The default parser drops it silently. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Returns the body as text, or an error where it is not UTF-8: Node silently replaces invalid bytes by U+FFFD, and the
 * service would store another text than it was sent.
 */
function wellFormedText(request: FastifyRequest, body: Buffer): string | Error {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
  const charset = /charset="?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8'
  if (charset.toLowerCase() !== 'utf-8' || encoding.toLowerCase() !== 'identity')
    return new errors.UnsupportedMediaType()
  const isMarked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
  return isUtf8(body) && !isMarked ? body.toString() : new errors.BadRequest()
}
