/** Drains before it closes: readiness fails, clients are asked to close, requests in progress are completed. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { latestOf } from './connections.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns whether the app is draining, and should get no new traffic. */
    isDraining: () => boolean
    /** Fails readiness and returns after `delay` milliseconds, the time that a load balancer needs. Requests are still served. */
    drain: (delay: number) => Promise<void>
  }
}

/** How often a closing server looks for idle connections, in milliseconds. */
const SWEEP_MS = 100

export const shutdown = fp(
  async (app: FastifyInstance, { server: { requestTimeout } }: Pick<Config, 'server'>) => {
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
 * Sends `connection: close` with the last response of each connection: a client that keeps the connection would send its
 * next request into a closing socket. In a pipeline, that is the newest request so far: Node sends no response after a
 * close (RFC 9112 §9.6).
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
 * Closes the connections that are left. A closing server of Node has no time limits, and closes idle connections only
 * once. This repeats it, also closes those that never sent a byte, and closes all after the longest time of a request.
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
