/** Finds the client's address of a request, in one spelling: for rate limits, log lines, audit rows and traces. */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { createFindClient, normalizeAddress } from '../lib/client-address.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The client's address, without a port; empty where the connection was closed before it could be read. Fastify's `ip`
     * is the text that a proxy has written: there, `203.0.113.7:4711` and `203.0.113.7` are two clients.
     */
    clientAddress: string
  }
}

export const clientAddress = fp(
  async (app: FastifyInstance, { server: { trustProxy } }: Pick<Config, 'server'>) => {
    app.decorateRequest('clientAddress', '')
    const findClient = createFindClient(trustProxy)
    const isProxied = trustProxy.length > 0
    app.addHook('onRequest', function noteClient(request, _reply, done) {
      // Forwarded and X-Real-IP are ignored: a proxy that sets X-Forwarded-For passes on the others as the client sent them.
      const { socket, headers } = request.raw
      request.clientAddress = isProxied
        ? findClient(socket.remoteAddress ?? '', headers['x-forwarded-for'] as string | undefined)
        : addressOfPeer(socket)
      done()
    })
  },
  { name: 'client-address' },
)

/** IPv6 addresses of peers, normalized. To normalize one takes 4 µs, which each connection costs once. */
const known = new WeakMap<Socket, string>()

function addressOfPeer(socket: Socket): string {
  const { remoteAddress = '' } = socket
  if (!remoteAddress.includes(':')) return remoteAddress
  const address = known.get(socket) ?? normalizeAddress(remoteAddress)
  known.set(socket, address)
  return address
}
