/** Logs one line when the database is lost and one when it is back, for all connections together. */
import type { FastifyBaseLogger } from 'fastify'
import { explainConnectionFailure } from './connection-failure.ts'

export type OutageLog = ReturnType<typeof createOutageLog>

/** The users of the database: the pool for requests, the feed for revocations. */
type Source = 'requests' | 'revocations'

/** Each source reports its own changes. An outage lasts from the first source that is lost to the last that is back. */
export function createOutageLog(log: Pick<FastifyBaseLogger, 'error' | 'info'>) {
  const down = new Set<Source>()

  return {
    /** Notes that a source cannot connect or has lost its connection; without an error where the server closed it. */
    begin(source: Source, error?: unknown): void {
      if (down.size === 0) {
        // Without a stack: the cause is outside this program.
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
