/** Answers what Node's HTTP parser refuses, before there is a request, in the shape of every other problem. */
import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { normalizeAddress } from '../lib/client-address.ts'
import { latestOf } from './connections.ts'
import { describeProblem } from './error-handler.ts'
import { generalCatalogue } from './errors.ts'

/** What the parser or Node's time limits refuse, by its code; the rest are bytes that are not HTTP. */
const STATUSES: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

/** A socket that is destroyed while bytes still come in is reset, and the client may lose the answer with it. */
const LINGER_MS = 1000

/** Connections on which nothing more is read: one refusal ends them, and further bytes bring no second. */
const refused = new WeakSet<Socket>()

export const parserErrors = fp(
  async (app: FastifyInstance) => {
    // RFC 9110 §10.1.1 lets a server ignore an expectation that it does not know; Node would answer a bare 417.
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  },
  { name: 'parser-errors', dependencies: ['connections'] },
)

/**
 * Fastify's `clientErrorHandler`. Answers on a connection are told apart by their order alone: one too many, or one
 * too soon, would be taken for the answer to another request.
 */
export function answerParserError(
  this: FastifyInstance,
  error: Error & { code?: string },
  socket: Socket,
): void {
  if (refused.has(socket)) return
  refused.add(socket)
  const response = latestOf(socket)
  const isAnswering = response?.req.complete && !response.writableFinished && !response.destroyed
  // The refused bytes come after a request that is still being answered: its answer goes first.
  if (isAnswering) response.once('close', () => refuse(this, error.code, socket))
  else refuse(this, error.code, socket)
}

function refuse(app: FastifyInstance, reason: string | undefined, socket: Socket): void {
  const response = latestOf(socket)
  // The refused bytes are the body of a request that has its answer, or waits behind another.
  const isTooLate = response?.req.complete === false && (response.headersSent || response.socket !== socket)
  if (reason === 'ECONNRESET' || !socket.writable || isTooLate) return void socket.destroy()

  // As of any request that brings neither, its id is that of a new trace.
  const requestId = randomBytes(16).toString('hex')
  const status = STATUSES[reason ?? ''] ?? 400
  app.log.info(
    { requestId, traceId: requestId, status, reason, ip: normalizeAddress(socket.remoteAddress ?? '') },
    'request not readable',
  )
  socket.end(renderAnswer(status, requestId, app.securityHeaders))
  const linger = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(linger))
}

/** The whole answer, as bytes of HTTP/1.1. */
function renderAnswer(status: number, requestId: string, securityHeaders: Record<string, string>): string {
  const entry = generalCatalogue.forStatus(status)
  const body = JSON.stringify(describeProblem(entry, { instance: '', requestId }))
  const headers = {
    date: new Date().toUTCString(),
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    ...securityHeaders,
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n')
}
