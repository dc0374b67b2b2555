/** Resets the connections of clients that do not read their responses, which would stay in the kernel's memory. */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { readSendQueues } from './send-queues.ts'

/** Bytes that a client has to read within the time limit, where as many wait for it. */
const PROGRESS_BYTES = 65_536

/** How often connections are checked within the time limit. They are reset at most one check after the limit. */
const SWEEPS_PER_TIMEOUT = 6
const SHORTEST_PAUSE_MS = 50

/** The byte of the connection that a client has to reach, and since when it has to. */
type Goal = { byte: number; since: number }

export const slowReaders = fp(
  async (app: FastifyInstance, { server: { sendTimeout } }: Pick<Config, 'server'>) => {
    const resets = app.metrics.createCounter({
      name: 'http_slow_readers_total',
      help: 'Connections that were reset, because their client did not read its response within SEND_TIMEOUT',
    })
    const goals = new WeakMap<Socket, Goal>()
    /** Bytes that each client is known to have read. */
    const known = new WeakMap<Socket, number>()

    async function resetSlowReaders(): Promise<void> {
      const suspects = [...app.openConnections].filter(mayWait)
      if (suspects.length === 0) return
      const queueOf = await readSendQueues()
      for (const socket of suspects) {
        if (socket.destroyed || !isStuck(socket, socket.writableLength + queueOf(socket))) continue
        resets.inc()
        // Not `destroy`: the kernel would go on offering the response for minutes.
        socket.resetAndDestroy()
      }
    }

    /** Returns whether bytes may wait for a client. An idle client is never looked up, one that reads once in 64 KiB. */
    function mayWait(socket: Socket): boolean {
      const unknown = socket.bytesWritten - (known.get(socket) ?? 0)
      return goals.has(socket) || socket.writableLength > 0 || unknown > PROGRESS_BYTES
    }

    /** Returns whether the client has missed its goal. One that has reached it gets another where more bytes wait. */
    function isStuck(socket: Socket, waiting: number): boolean {
      const taken = socket.bytesWritten - waiting
      const goal = goals.get(socket)
      const now = performance.now()
      if (goal !== undefined && taken < goal.byte) return now - goal.since >= sendTimeout
      known.set(socket, taken)
      if (waiting === 0) goals.delete(socket)
      else goals.set(socket, { byte: taken + Math.min(waiting, PROGRESS_BYTES), since: now })
      return false
    }

    const pause = Math.max(sendTimeout / SWEEPS_PER_TIMEOUT, SHORTEST_PAUSE_MS)
    const sweeper = setInterval(resetSlowReaders, pause).unref()
    app.addHook('onClose', async () => clearInterval(sweeper))
  },
  { name: 'slow-readers', dependencies: ['connections', 'metrics'] },
)
