/** Says who the client of a request is: one address in one spelling, for limits, log lines, audit rows and traces. */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { createFindClient, normalizeAddress } from '../lib/client-address.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The client's address, without a port; empty where the connection was gone before anyone could ask. Not Fastify's
     * `ip`, which is what a proxy has written: `203.0.113.7:4711` and `[2001:db8::1]` are other clients to it.
     */
    clientAddress: string
  }
}

export const clientAddress = fp(
  async (app: FastifyInstance, { trustProxy }: Pick<Config['server'], 'trustProxy'>) => {
    app.decorateRequest('clientAddress', '')
    const findClient = createFindClient(trustProxy)
    const isProxied = trustProxy.length > 0
    app.addHook('onRequest', function noteClient(request, _reply, done) {
      // Forwarded and X-Real-IP are not looked at: a proxy that sets one header passes the client's own others on.
      const { socket, headers } = request.raw
      request.clientAddress = isProxied
        ? findClient(socket.remoteAddress ?? '', headers['x-forwarded-for'] as string | undefined)
        : addressOfPeer(socket)
      done()
    })
  },
  { name: 'client-address' },
)

/** IPv6 addresses of peers, in their one spelling: to read one takes 4 µs, which a connection pays once. */
const known = new WeakMap<Socket, string>()

function addressOfPeer(socket: Socket): string {
  const { remoteAddress = '' } = socket
  if (!remoteAddress.includes(':')) return remoteAddress
  const address = known.get(socket) ?? normalizeAddress(remoteAddress)
  known.set(socket, address)
  return address
}
