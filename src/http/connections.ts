/** Remembers the responses of each connection: the order of answers hangs on the latest, and none may end unseen. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The connections that are open. */
    openConnections: ReadonlySet<Socket>
  }
}

const kLatest = Symbol('latest response')
const kEarlier = Symbol('earlier responses')

/** They are kept on the socket itself, and go with it. Earlier ones are those of a pipeline, until they are answered. */
type Connection = Socket & { [kLatest]?: ServerResponse; [kEarlier]?: Set<ServerResponse> }

/** Responses whose client has left. `writableFinished` would not do: of an injected request it stays false. */
const abandoned = new WeakSet<ServerResponse>()

/** nginx's status for it, which no client ever gets: it is for log lines, metrics and spans. */
const CLIENT_CLOSED_REQUEST = 499

export const connections = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', function noteResponse({ raw }, reply, done) {
      const connection: Connection = raw.socket
      if (connection[kLatest]?.writableFinished === false) keepEarlier(connection, connection[kLatest])
      connection[kLatest] = reply.raw
      done()
    })
    const open = new Set<Socket>()
    app.decorate('openConnections', open)
    app.server.on('connection', (connection: Connection) => {
      open.add(connection)
      connection.once('close', () => {
        open.delete(connection)
        completeUnfinished(connection)
      })
      if (!hasAddress(connection)) connection.destroy()
    })
  },
  { name: 'connections' },
)

/**
 * Whether the client's address is known. It is read here, while the connection is new: Node keeps what was read once, and
 * could not read it later from a connection that was reset. One that was reset before it was accepted has none, and there
 * is no client to answer.
 */
function hasAddress({ remoteAddress }: Socket): boolean {
  return remoteAddress !== undefined
}

/** The latest response of a connection, answered or not; undefined before its first request. */
export function latestOf(connection: Connection): ServerResponse | undefined {
  return connection[kLatest]
}

/** Whether the client left before it had the whole answer. */
export function isAbandoned(response: ServerResponse): boolean {
  return abandoned.has(response)
}

function keepEarlier(connection: Connection, response: ServerResponse): void {
  connection[kEarlier] ??= new Set()
  const earlier = connection[kEarlier].add(response)
  response.once('finish', () => earlier.delete(response))
}

/**
 * Lets Fastify complete the requests whose client has left: it listens for `finish` and `error` of a response, and after
 * a `close` alone it would run no `onResponse` hook, so that there would be no log line, metric or span.
 */
function completeUnfinished({
  [kEarlier]: earlier = new Set<ServerResponse>(),
  [kLatest]: latest,
}: Connection): void {
  for (const response of latest ? [...earlier, latest] : earlier) {
    // Fastify takes its listener away once it has heard; with nobody to hear it, an `error` would end the process.
    if (response.writableFinished || response.listenerCount('error') === 0) continue
    abandoned.add(response)
    response.statusCode = CLIENT_CLOSED_REQUEST
    response.emit('error', createPrematureClose())
  }
}

/** The error that Node itself has for it: of a stream that is sent, Fastify takes any other for a failure of the route. */
function createPrematureClose(): Error {
  const error = new Error('the connection closed before the answer was sent')
  return Object.assign(error, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
}
