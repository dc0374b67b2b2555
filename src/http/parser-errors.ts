/** Sends the errors of Node's HTTP parser, which come before there is a request, as problem details. */
import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { normalizeAddress } from '../lib/client-address.ts'
import { latestOf } from './connections.ts'
import { describeProblem } from './error-handler.ts'
import { generalCatalogue } from './errors.ts'

/** Statuses of the errors of the parser and of Node's time limits; every other error is 400. */
const STATUSES: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

/** A socket that is destroyed while bytes still come in is reset, and the client may lose the response. */
const LINGER_MS = 1000

/** Connections that got their error: further bytes cause no second one. */
const refused = new WeakSet<Socket>()

export const parserErrors = fp(
  async (app: FastifyInstance) => {
    // RFC 9110 §10.1.1 lets a server ignore an unknown expectation. Node's own 417 has no body.
    app.server.on('checkExpectation', app.routing)
  },
  { name: 'parser-errors', dependencies: ['connections'] },
)

/**
 * Fastify's `clientErrorHandler`. Clients match responses to requests by their order alone: a response too many, or too
 * early, would be taken for the response to another request.
 */
export function sendParserError(
  this: FastifyInstance,
  error: Error & { code?: string },
  socket: Socket,
): void {
  if (refused.has(socket)) return
  refused.add(socket)
  const response = latestOf(socket)
  const isResponding = response?.req.complete && !response.writableFinished && !response.destroyed
  // The malformed bytes come after a request whose response is not sent yet: that response goes first.
  if (isResponding) response.once('close', () => refuse(this, error.code, socket))
  else refuse(this, error.code, socket)
}

function refuse(app: FastifyInstance, reason: string | undefined, socket: Socket): void {
  const response = latestOf(socket)
  // The malformed bytes are the body of a request that has its response, or waits behind another.
  const isTooLate = response?.req.complete === false && (response.headersSent || response.socket !== socket)
  if (reason === 'ECONNRESET' || !socket.writable || isTooLate) return void socket.destroy()

  // The id is that of a new trace, as for any request that brings neither.
  const requestId = randomBytes(16).toString('hex')
  const status = STATUSES[reason ?? ''] ?? 400
  app.log.info(
    { requestId, traceId: requestId, status, reason, ip: normalizeAddress(socket.remoteAddress ?? '') },
    'request not readable',
  )
  socket.end(renderResponse(status, requestId, app.securityHeaders))
  const linger = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(linger))
}

/** Returns the whole response, as bytes of HTTP/1.1. */
function renderResponse(status: number, requestId: string, securityHeaders: Record<string, string>): string {
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
