/** Reads and validates requests: I-JSON in well-formed UTF-8, strict bodies, nothing coerced but query and path. */
import { isUtf8 } from 'node:buffer'
import { Ajv, type Options } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.ts'
import { findFault } from '../lib/i-json.ts'

/** Deeper than any honest body; JSON.stringify and ajv recurse, so that depth costs stack. */
const MAX_DEPTH = 32

/** Longer than any URL of ours by far, and well under the 16 KiB that Node's parser allows for all headers. */
const MAX_URL_LENGTH = 4096

const AJV_OPTIONS: Options = {
  ...{ allErrors: false, useDefaults: true, removeAdditional: false },
  // TypeBox made the schemas; to check them as well takes 25 ms of every start.
  validateSchema: false,
}

export const validation = fp(
  async (app: FastifyInstance) => {
    const strict = createAjv({ ...AJV_OPTIONS, coerceTypes: false })
    // A query or path is text: numbers in it have to be read from text. `Infinity` is a number to ajv's coercion, and
    // under strictNumbers, which is the default, the maximum of a schema is not asked about it.
    const coercing = createAjv({ ...AJV_OPTIONS, coerceTypes: true, strictNumbers: false })
    app.setValidatorCompiler(({ schema, httpPart }) =>
      (httpPart === 'body' ? strict : coercing).compile(schema),
    )

    app.addHook('onRequest', function refuseUnreadable({ raw }, _reply, done) {
      if ((raw.url?.length ?? 0) > MAX_URL_LENGTH) return done(new errors.UriTooLong())
      // RFC 9112 §3.2: no Host, or two of them, may mean that a proxy saw another request than we do.
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
        const text = wellFormedText(request, body as Buffer)
        if (text instanceof Error) return done(text)
        parseJson(request, text, (error, value) => {
          const fault = error ? undefined : findFault(text, MAX_DEPTH)
          if (fault === undefined) done(error, value)
          else done(Object.assign(new errors.BadRequest(), { message: fault }))
        })
      },
    )
  },
  { name: 'validation' },
)

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

/** RFC 8259 §8.1: JSON that is sent has no byte order mark. The default parser would drop it silently. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Node replaces bytes that are not UTF-8 by U+FFFD, silently: what came in would not be what goes out. */
function wellFormedText(request: FastifyRequest, body: Buffer): string | Error {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
  const charset = /charset="?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8'
  if (charset.toLowerCase() !== 'utf-8' || encoding.toLowerCase() !== 'identity')
    return new errors.UnsupportedMediaType()
  const isMarked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
  return isUtf8(body) && !isMarked ? body.toString() : new errors.BadRequest()
}
