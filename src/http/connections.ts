/** Tracks the responses of each connection, so that parser errors stay in order and aborted requests are logged. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { logRequest } from '../observability/log.ts'
import { isAborted, markAborted } from './aborted.ts'

type AbortObserver = (request: FastifyRequest, reply: FastifyReply) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** The connections that are open. */
    openConnections: ReadonlySet<Socket>
    /** Calls `observe` for each request whose client leaves before the end of its response. */
    onAborted: (observe: AbortObserver) => void
  }
}

const kLatest = Symbol('latest response')
const kReply = Symbol('latest pending reply')
const kEarlier = Symbol('earlier pending replies')

/**
 * The state is kept on the socket, and is freed with it. Only a pipeline has earlier pending replies: a set for each
 * connection, changed by each request, costs garbage collection.
 */
type Connection = Socket & {
  [kLatest]?: ServerResponse
  [kReply]?: FastifyReply | undefined
  [kEarlier]?: Set<FastifyReply>
}

/** nginx's status for an aborted request. No client receives it: it is for log lines, metrics and spans. */
const CLIENT_CLOSED_REQUEST = 499

export const connections = fp(
  async (app: FastifyInstance) => {
    const open = new Set<Socket>()
    const observers: AbortObserver[] = [logAborted]
    app.decorate('openConnections', open)
    app.decorate('onAborted', observe => void observers.push(observe))
    trackReplies(app)
    app.server.on('connection', (connection: Connection) => {
      open.add(connection)
      connection.once('close', () => {
        open.delete(connection)
        for (const reply of pendingReplies(connection)) {
          markAborted(reply.raw)
          reply.raw.statusCode = CLIENT_CLOSED_REQUEST
          for (const observe of observers) observe(reply.request, reply)
        }
      })
      if (!hasAddress(connection)) connection.destroy()
    })
  },
  { name: 'connections' },
)

/** Returns the latest response of a connection, sent or not; undefined before its first request. */
export function latestOf(connection: Connection): ServerResponse | undefined {
  return connection[kLatest]
}

function pendingReplies(connection: Connection): FastifyReply[] {
  const earlier = [...(connection[kEarlier] ?? [])]
  return connection[kReply] ? [...earlier, connection[kReply]] : earlier
}

/**
 * Keeps the replies of each connection until they are sent. Fastify runs `onResponse` hooks where a response has
 * finished, and none where its connection was closed: those requests are reported by `onAborted`.
 */
function trackReplies(app: FastifyInstance): void {
  app.addHook('onRequest', function addReply({ raw }, reply, done) {
    const connection: Connection = raw.socket
    connection[kLatest] = reply.raw
    if (connection[kReply]) {
      connection[kEarlier] ??= new Set()
      connection[kEarlier].add(connection[kReply])
    }
    connection[kReply] = reply
    done()
  })
  app.addHook('onResponse', function removeReply({ raw }, reply, done) {
    // Without `done` no further hook runs. Node can still finish a response whose connection was closed before.
    if (isAborted(reply.raw)) return
    const connection: Connection = raw.socket
    if (connection[kReply] === reply) connection[kReply] = undefined
    else connection[kEarlier]?.delete(reply)
    done()
  })
}

/**
 * Returns whether the client's address is known. It is read here, while the connection is new: Node keeps what was read
 * once, and cannot read it later from a connection that was reset. A connection that was reset before it was accepted
 * has no address, and no client that could read a response.
 */
function hasAddress({ remoteAddress }: Socket): boolean {
  return remoteAddress !== undefined
}

function logAborted(request: FastifyRequest, reply: FastifyReply): void {
  logRequest(request, reply, 'request aborted')
}
