/** Texts that stay the same while the process runs, such as a page: compressed and hashed once, sent with an ETag. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What is longer goes out in pieces of this size: of one piece, it cannot be seen how much the client has taken. */
const PIECE_BYTES = 65_536

/**
 * A handler that answers with the text, or with 304 to a client that has it. It may be kept for `maxAge` seconds
 * without asking again, by the client alone: its compression depends on who asks.
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
 * Lets one caller through in each turn of the event loop, in order. The kernel takes megabytes at once, which costs
 * milliseconds each: hundreds of clients would keep it from all other requests for seconds.
 */
function createTurnstile(): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(() => nextTurn())
    return last
  }
}
