/** Texts that stay the same while the process runs, such as a page: compressed and hashed once, sent with an ETag. */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * A handler that answers with the text, or with 304 to a client that has it. It may be kept for `maxAge` seconds
 * without asking again, by the client alone: its compression depends on who asks.
 */
export function createAsset(text: string, contentType: string, maxAge = 0) {
  const plain = Buffer.from(text)
  const compressed = promisify(gzip)(plain)
  // Weak: the two encodings have one tag (RFC 9110 §8.8.1).
  const tag = `"${createHash('sha256').update(plain).digest('base64url')}"`
  const headers = {
    'content-type': contentType,
    'cache-control': `private, max-age=${maxAge}`,
    etag: `W/${tag}`,
  }

  return async function sendAsset(request: FastifyRequest, reply: FastifyReply) {
    reply.headers(headers)
    if (request.headers['if-none-match']?.includes(tag)) return reply.code(304).send()
    if (!/\bgzip\b/.test(String(request.headers['accept-encoding']))) return reply.send(plain)
    return reply.header('content-encoding', 'gzip').send(await compressed)
  }
}
