/** Responses that stay the same while the process runs, such as a page: compressed and hashed once, sent with an ETag. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A longer text is sent in pieces of this size: within one piece, the client's progress cannot be seen. */
const PIECE_BYTES = 65_536

/**
 * Returns a handler that sends the text, or 304 to a client that has it. The client may use it again for `maxAge` seconds
 * without a request. Shared caches may not: its compression depends on the client.
 */
export function createStaticResponse(text: string, contentType: string, maxAge = 0) {
  const plain = Buffer.from(text)
  const compressed = promisify(gzip)(plain)
  // Weak: the two encodings have one tag (RFC 9110 §8.8.1).
  const tag = `"${createHash('sha256').update(plain).digest('base64url')}"`
  const headers = {
    'content-type': contentType,
    'cache-control': `private, max-age=${maxAge}`,
    etag: `W/${tag}`,
  }

  const turn = createTurnstile()

  function sendInPieces(reply: FastifyReply, body: Buffer): FastifyReply {
    if (body.length <= PIECE_BYTES) return reply.send(body)
    const pieces = Readable.from(piecesOf(body, turn), { objectMode: false, highWaterMark: PIECE_BYTES })
    return reply.header('content-length', body.length).send(pieces)
  }

  return async function sendAsset(request: FastifyRequest, reply: FastifyReply) {
    reply.headers(headers)
    if (request.headers['if-none-match']?.includes(tag)) return reply.code(304).send()
    if (!/\bgzip\b/.test(String(request.headers['accept-encoding']))) return sendInPieces(reply, plain)
    return sendInPieces(reply.header('content-encoding', 'gzip'), await compressed)
  }
}

async function* piecesOf(body: Buffer, turn: () => Promise<void>): AsyncGenerator<Buffer> {
  for (let start = 0; start < body.length; start += PIECE_BYTES) {
    await turn()
    yield body.subarray(start, start + PIECE_BYTES)
  }
}

/**
 * Lets one caller through in each turn of the event loop, in order. To hand megabytes to the kernel takes milliseconds:
 * hundreds of clients at once would block all other requests for seconds.
 */
function createTurnstile(): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(() => nextTurn())
    return last
  }
}
