/** Reads and validates requests: JSON in well-formed UTF-8, strict bodies, nothing coerced but query and path. */
import { isUtf8 } from 'node:buffer'
import { Ajv, type Options } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.ts'
import { jsonDepth } from '../lib/json-depth.ts'

/** Deeper than any honest body; JSON.stringify and ajv recurse, so that depth costs stack. */
const MAX_DEPTH = 32

/** Longer than any URL of ours by far, and well under the 16 KiB that Node's parser allows for all headers. */
const MAX_URL_LENGTH = 4096

const AJV_OPTIONS: Options = { allErrors: false, useDefaults: true, removeAdditional: false }

export const validation = fp(
  async (app: FastifyInstance) => {
    const strict = createAjv({ ...AJV_OPTIONS, coerceTypes: false })
    // A query or path is text: numbers in it have to be read from text.
    const coercing = createAjv({ ...AJV_OPTIONS, coerceTypes: true })
    app.setValidatorCompiler(({ schema, httpPart }) =>
      (httpPart === 'body' ? strict : coercing).compile(schema),
    )

    app.addHook('onRequest', function limitUrl(request, _reply, done) {
      done((request.raw.url?.length ?? 0) > MAX_URL_LENGTH ? new errors.UriTooLong() : undefined)
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
          if (!error && jsonDepth(value, MAX_DEPTH) > MAX_DEPTH) return done(new errors.BadRequest())
          done(error, value)
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

/** Node replaces bytes that are not UTF-8 by U+FFFD, silently: what came in would not be what goes out. */
function wellFormedText(request: FastifyRequest, body: Buffer): string | Error {
  const charset = /charset="?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') return new errors.UnsupportedMediaType()
  return isUtf8(body) ? body.toString() : new errors.BadRequest()
}
