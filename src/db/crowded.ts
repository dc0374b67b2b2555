/** Waits for an open connection where the server, the database or the role takes no more connections. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { withTimeout } from '../process/with-timeout.ts'
import type { Gate } from './gate.ts'

/** How long the pool asks for no further connections after a refusal, in milliseconds. */
const NARROW_MS = 5000

/** First pause before another attempt while no connection is open, in milliseconds; each pause is twice the last. */
const FIRST_PAUSE_MS = 50

/** Least time between two reports, in milliseconds. */
const REPORT_MS = 60_000

const LATE = 'connection timeout: the database did not respond in time'

type Options = {
  pool: pg.Pool
  /** Lets `max` callers ask the pool at a time: the pool's own queue stays empty. */
  gate: Gate
  max: number
  /** Longest wait for a connection, in milliseconds. */
  timeout: number
  /** Reports that the server takes no more connections, once a minute at most. */
  onCrowded: () => void
}

/** Gets a connection, and uses it at once. What it returns must be no promise: that would be waited for. */
type Start<T> = (client: pg.PoolClient) => T

/** Returns whether the server refused a connection because it, the database or the role has too many. */
function isCrowded(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '53300'
}

/**
 * Returns a function that gets a connection of the pool, and returns what `start` returns for it. Its caller leaves the gate
 * after it has released the connection.
 *
 * Where the server takes no more connections, the gate is narrowed for a while to the connections that are open: later
 * callers wait for these, and are not refused one after the other. Rejects with the server's refusal where no connection
 * is open, and in any case after `timeout` milliseconds.
 */
export function createConnect({ pool, gate, max, timeout, onCrowded }: Options) {
  let open = 0
  let reportedAt = Number.NEGATIVE_INFINITY
  let isNarrow = false
  pool.on('connect', () => open++)
  pool.on('remove', () => open--)

  function narrow(): void {
    gate.setLimit(Math.max(open, 1))
    if (!isNarrow) {
      isNarrow = true
      setTimeout(() => {
        gate.setLimit(max)
        isNarrow = false
      }, NARROW_MS).unref()
    }
    if (performance.now() - reportedAt < REPORT_MS) return
    reportedAt = performance.now()
    onCrowded()
  }

  /** Asks the pool from inside the gate, and leaves it where there is no connection. */
  async function ask<T>(left: number, start: Start<T>): Promise<T> {
    let isLate = false
    const started = new Promise<T>((resolve, reject) => {
      pool.connect((error, client) => {
        if (client !== undefined && !isLate) return resolve(start(client))
        // A connection that comes too late goes back to the pool.
        client?.release()
        reject(error)
      })
    })
    try {
      // The pool limits the time of a new connection by itself; the time that was waited before comes off it.
      return await (left < timeout ? withTimeout(left, started, LATE) : started)
    } catch (error) {
      isLate = true
      // The driver's stack does not name the caller.
      if (error instanceof Error) Error.captureStackTrace(error)
      started.catch(() => {}).finally(gate.leave)
      throw error
    }
  }

  return async function connect<T>(start: Start<T>): Promise<T> {
    const deadline = performance.now() + timeout
    let left = timeout
    let refusal: unknown
    for (let pause = FIRST_PAUSE_MS; left > 0; pause *= 2) {
      if (!gate.tryEnter()) {
        if (!(await gate.enter(left))) break
        left = Math.max(deadline - performance.now(), 0)
      }
      try {
        return await ask(left, start)
      } catch (error) {
        // After a refusal, an attempt that runs out of time says less than the refusal.
        if (refusal !== undefined && performance.now() >= deadline) break
        if (!isCrowded(error)) throw error
        refusal = error
        narrow()
      }
      if (open === 0) await sleep(Math.min(pause, Math.max(deadline - performance.now(), 0)))
      left = deadline - performance.now()
    }
    throw refusal !== undefined && open === 0 ? refusal : new PoolExhausted()
  }
}

/** The pool had no connection to give, which says nothing about the database. */
export class PoolExhausted extends Error {
  constructor() {
    super('every connection of the pool was in use for too long')
    this.name = 'PoolExhausted'
  }
}
