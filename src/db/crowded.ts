/** A server, database or role that takes no more connections: who needs one waits for one that is open. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { withTimeout } from '../process/with-timeout.ts'

/** How long the pool is kept to the connections that it got, in milliseconds; then it asks for more again. */
const KEEP_MS = 5000

/** Pauses between two attempts while there is no open connection to wait for, in milliseconds; each is twice the last. */
const FIRST_PAUSE_MS = 50

/** Least time between two reports, in milliseconds. */
const REPORT_MS = 60_000

type Options = {
  pool: pg.Pool
  /** The pool's own way to a connection. */
  connect: () => Promise<pg.PoolClient>
  /** Longest wait for a connection, in milliseconds. */
  timeout: number
  /** Told of it, once a minute at the most. */
  onCrowded: () => void
}

/** Whether the server has refused a connection because there are too many: of its own, of the database, or of the role. */
export function isCrowded(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '53300'
}

/**
 * Returns what gets a connection in spite of such a refusal. The pool by itself would ask for a new one as long as it has
 * fewer than its maximum, and refuse one request after the other while its open connections come and go. So its maximum
 * becomes what it got, for a while: later callers wait in its queue. It rejects with the refusal, or with the pool's
 * own time-out, where the wait of `timeout` milliseconds since `since` was in vain.
 */
export function createPatience({ pool, connect, timeout, onCrowded }: Options) {
  const { max } = pool.options
  let open = 0
  let reportedAt = Number.NEGATIVE_INFINITY
  let isKept = false
  pool.on('connect', () => open++)
  pool.on('remove', () => open--)

  /** Keeps the pool to its open connections; to one where there is none, so that there are not many to be refused. */
  function limit(): void {
    pool.options.max = Math.max(open, 1)
    if (!isKept) {
      isKept = true
      setTimeout(() => {
        pool.options.max = max
        isKept = false
      }, KEEP_MS).unref()
    }
    if (performance.now() - reportedAt < REPORT_MS) return
    reportedAt = performance.now()
    onCrowded()
  }

  return async function connectPatiently(refusal: unknown, since: number): Promise<pg.PoolClient> {
    let error = refusal
    for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
      limit()
      const left = timeout - (performance.now() - since)
      if (left <= 0) throw error
      if (open === 0) await sleep(Math.min(pause, left))
      const connecting = connect()
      try {
        return await withTimeout(Math.max(left, 0), connecting, 'timeout exceeded when trying to connect')
      } catch (next) {
        if (!isCrowded(next)) {
          // One that comes too late is for the next in the queue.
          connecting.then(client => client.release()).catch(() => {})
          throw next
        }
        error = next
      }
    }
  }
}
