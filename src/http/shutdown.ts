/** Drains before it closes: readiness fails, connections are given back, requests in flight are answered. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { latestOf } from './connections.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the app is on its way out, and should get no new traffic. */
    isDraining: () => boolean
    /** Fails readiness, keeps serving for `delay` milliseconds, and returns: the time that a load balancer needs. */
    drain: (delay: number) => Promise<void>
  }
}

/** How often a closing server looks for connections that nobody uses any more. */
const SWEEP_MS = 100

export const shutdown = fp(
  async (app: FastifyInstance, { requestTimeout }: Pick<Config['server'], 'requestTimeout'>) => {
    let isDraining = false
    app.decorate('isDraining', () => isDraining)
    app.decorate('drain', async delay => {
      isDraining = true
      await sleep(delay)
    })
    giveConnectionsBack(app)
    closeLeftConnections(app, requestTimeout)
    app.addHook('preClose', async () => {
      isDraining = true
    })
  },
  { name: 'shutdown', dependencies: ['connections'] },
)

/**
 * Says `connection: close` in the last answer of each connection: a client that keeps it would send its next request
 * into a closing socket. Of a pipeline, the last is the newest request at hand, since Node answers nothing that
 * comes after a close (RFC 9112 §9.6).
 */
function giveConnectionsBack(app: FastifyInstance): void {
  const last = new WeakMap<Socket, IncomingMessage>()
  app.addHook('onSend', function giveConnectionBack({ raw }, reply, _payload, done) {
    if (app.isDraining()) {
      const final = last.get(raw.socket) ?? latestOf(raw.socket)?.req
      if (final) last.set(raw.socket, final)
      if (final === raw) reply.header('connection', 'close')
    }
    done()
  })
}

/**
 * Once it closes, Node's server no longer looks at the clock, and it looks for idle connections just once. This goes
 * on looking: for idle ones, for those that never sent a byte, and, when a request may take no longer, for all.
 */
function closeLeftConnections(app: FastifyInstance, requestTimeout: number): void {
  let sweeper: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    const deadline = performance.now() + requestTimeout
    sweeper = setInterval(() => {
      app.server.closeIdleConnections()
      for (const socket of app.openConnections) if (socket.bytesRead === 0) socket.destroy()
      if (performance.now() > deadline) app.server.closeAllConnections()
    }, SWEEP_MS)
  })
  app.addHook('onClose', async () => clearInterval(sweeper))
}
