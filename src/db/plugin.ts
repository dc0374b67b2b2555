/** The database as `app.database`, opened and closed with the app. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { createDatabase, type Database } from './client.ts'
import { createDatabaseMetrics, observePool } from './metrics.ts'
import { createOutageLog, type OutageLog } from './outage-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
    /** Logs when the database is lost, and when it is back. */
    outage: OutageLog
  }
}

export const database = fp(
  async (app: FastifyInstance, { database: settings }: { database: Config['database'] }) => {
    const metrics = createDatabaseMetrics(app.metrics)
    const outage = createOutageLog(app.log)
    app.decorate('outage', outage)
    const opened = createDatabase(settings, {
      // The pool opens another one when it needs it.
      onError: err => app.log.debug({ err }, 'database connection lost'),
      onQuery(text, run) {
        metrics.queries.inc()
        return app.traceQuery(text, run)
      },
      onWait: seconds => metrics.poolWaits.observe(seconds),
      onCrowded: () =>
        app.log.warn('the database takes no more connections: requests wait for the open ones'),
      onUnreachable: error => outage.begin('requests', error),
      onReachable: () => outage.end('requests'),
    })
    observePool(app.metrics, opened.pool)
    app.decorate('database', opened)
    app.addHook('onClose', opened.close)
  },
  { name: 'database', dependencies: ['tracing', 'metrics'] },
)
