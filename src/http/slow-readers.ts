/** Resets the connections of clients that do not read their answers, which would stay in the kernel's memory. */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { readSendQueues } from './send-queues.ts'

/** What a client has to take within the time limit, where as much is waiting for it. */
const PROGRESS_BYTES = 65_536

/** How often connections are looked at within the time limit: by so much later than the limit are they reset. */
const SWEEPS_PER_TIMEOUT = 6
const SHORTEST_PAUSE_MS = 50

/** The byte, counted from the first of the connection, that a client has to get to, and since when it waits for it. */
type Goal = { byte: number; since: number }

export const slowReaders = fp(
  async (app: FastifyInstance, { sendTimeout }: Pick<Config['server'], 'sendTimeout'>) => {
    const resets = app.metrics.createCounter({
      name: 'http_slow_readers_total',
      help: 'Connections that were reset, because their client did not read its response within SEND_TIMEOUT',
    })
    const goals = new WeakMap<Socket, Goal>()
    /** Bytes that a client is known to have taken. */
    const known = new WeakMap<Socket, number>()

    async function resetSlowReaders(): Promise<void> {
      const suspects = [...app.openConnections].filter(mayWait)
      if (suspects.length === 0) return
      const queueOf = await readSendQueues()
      for (const socket of suspects) {
        if (socket.destroyed || !isStuck(socket, socket.writableLength + queueOf(socket))) continue
        resets.inc()
        // Not `destroy`: the kernel would go on offering the answer, for minutes.
        socket.resetAndDestroy()
      }
    }

    /** Clients that read are rarely looked up: an idle one never, others once in 64 KiB. */
    function mayWait(socket: Socket): boolean {
      const unknown = socket.bytesWritten - (known.get(socket) ?? 0)
      return goals.has(socket) || socket.writableLength > 0 || unknown > PROGRESS_BYTES
    }

    /** Whether the client has not got to its goal in time. One that has is given another, where more is waiting. */
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
