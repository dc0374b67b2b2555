/** Remembers the latest response of each connection: the order of answers, and the end of a connection, hang on it. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const kLatest = Symbol('latest response')

/** It is kept on the socket itself, and goes with it. */
type Connection = Socket & { [kLatest]?: ServerResponse }

export const connections = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', function noteResponse({ raw }, reply, done) {
      const connection: Connection = raw.socket
      connection[kLatest] = reply.raw
      done()
    })
  },
  { name: 'connections' },
)

/** The latest response of a connection, answered or not; undefined before its first request. */
export function latestOf(connection: Connection): ServerResponse | undefined {
  return connection[kLatest]
}
