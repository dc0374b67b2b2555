/** Drains before it closes: readiness fails, connections are given back, requests in flight are answered. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the app is on its way out, and should get no new traffic. */
    isDraining: () => boolean
    /** Fails readiness, keeps serving for `delay` milliseconds, and returns: the time that a load balancer needs. */
    drain: (delay: number) => Promise<void>
  }
}

export const shutdown = fp(
  async (app: FastifyInstance) => {
    let isDraining = false
    app.decorate('isDraining', () => isDraining)
    app.decorate('drain', async delay => {
      isDraining = true
      await sleep(delay)
    })
    app.addHook('preClose', async () => {
      isDraining = true
    })
    app.addHook('onSend', function giveConnectionBack(_request, reply, payload, done) {
      // A client that keeps its connection would send the next request into a closing socket.
      if (isDraining) reply.header('connection', 'close')
      done(null, payload)
    })
  },
  { name: 'shutdown' },
)
