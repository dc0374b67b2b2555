/** One line when the database goes and one when it is back, whichever connection notices first. */
import type { FastifyBaseLogger } from 'fastify'
import { explainConnectionFailure } from './connection-failure.ts'

export type OutageLog = ReturnType<typeof createOutageLog>

/** What connects to the database by itself: the pool for requests, the feed for revocations. */
type Source = 'requests' | 'revocations'

/** Each source reports its own changes. Between the first that cannot connect and the last that can again is one outage. */
export function createOutageLog(log: Pick<FastifyBaseLogger, 'error' | 'info'>) {
  const down = new Set<Source>()

  return {
    /** Notes that a source cannot connect, or has lost its connection, without an error where it was closed in order. */
    begin(source: Source, error?: unknown): void {
      if (down.size === 0) {
        // Without a stack: the reason is outside of this program.
        const reason = error === undefined ? 'it closed the connection' : explainConnectionFailure(error)
        log.error(`cannot connect to the database: ${reason}`)
      }
      down.add(source)
    },

    /** Notes that a source is connected again. */
    end(source: Source): void {
      if (down.delete(source) && down.size === 0) log.info('connected to the database again')
    },
  }
}
