/** Limits the connections of a process, below its limit of open files: the rest of the process needs files, too. */
import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'

/** A connection takes 20 KB after its first response, so these take 100 of the 512 MiB that docs/deployment.md asks for. */
const DEFAULT_CAP = 5000

/** Files that a process opens besides client connections and the pool: libraries, logs, Redis, the trace collector. */
const RESERVED_FILES = 100

/** Least time between two log lines about dropped connections. */
const LOG_PAUSE_MS = 10_000

export const connectionCap = fp(
  async (app: FastifyInstance, { server, database }: Pick<Config, 'server' | 'database'>) => {
    const openFiles = readOpenFilesLimit()
    const possible = Math.max(1, openFiles - RESERVED_FILES - database.poolMax)
    const cap = Math.min(server.maxConnections ?? DEFAULT_CAP, possible)
    if (server.maxConnections !== undefined && cap < server.maxConnections) {
      app.log.warn(
        { maxConnections: cap, openFiles },
        'MAX_CONNECTIONS is lowered: too few files may be open',
      )
    }
    // Without dropMaxConnection, a full worker hands a connection to the next one, for ever where all are full.
    Object.assign(app.server, { maxConnections: cap, dropMaxConnection: true })

    app.metrics.observeGauge('http_connections', 'Open client connections', () => app.openConnections.size)
    app.metrics.observeGauge('http_connections_max', 'Client connections that may be open', () => cap)
    app.server.on('drop', createDropObserver(app, cap))
  },
  { name: 'connection-cap', dependencies: ['connections', 'metrics'] },
)

/** Counts the connections that Node has dropped, and logs them from time to time. */
function createDropObserver(app: FastifyInstance, cap: number): () => void {
  const dropped = app.metrics.createCounter({
    name: 'http_connections_dropped_total',
    help: 'Connections that were closed at once, because MAX_CONNECTIONS were open',
  })
  let loggedAt = Number.NEGATIVE_INFINITY
  let unlogged = 0
  return () => {
    dropped.inc()
    unlogged += 1
    const now = performance.now()
    if (now - loggedAt < LOG_PAUSE_MS) return
    app.log.warn({ dropped: unlogged, maxConnections: cap }, 'too many connections, new ones are closed')
    loggedAt = now
    unlogged = 0
  }
}

/**
 * Returns how many files this process may have open; Infinity where that is not known, as on macOS. Node raises its soft
 * limit to the hard one at start.
 */
function readOpenFilesLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}
