/** The pool and Drizzle as `app.db`, opened and closed with the app. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { createDatabase, type Database } from '../db/client.ts'
import { explainConnectionFailure } from '../db/connection-failure.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

export const database = fp(
  async (app: FastifyInstance, { database: settings }: { database: Config['database'] }) => {
    const opened = createDatabase(settings, {
      // The pool opens others when they are needed. That the database is gone is one line, of those who listen to it.
      onError: err => app.log.debug({ err }, 'database connection lost'),
      onQuery(text, run) {
        app.metrics.queries.inc()
        return app.traceQuery(text, run)
      },
      onWait: seconds => app.metrics.poolWaits.observe(seconds),
      onCrowded: open =>
        app.log.warn({ open }, 'the database takes no more connections: requests wait for the open ones'),
      onUnreachable: error =>
        app.log.error(`cannot connect to the database: ${explainConnectionFailure(error)}`),
      onReachable: () => app.log.info('connected to the database again'),
    })
    app.metrics.observePool(opened.pool)
    app.decorate('database', opened)
    app.addHook('onClose', opened.close)
  },
  { name: 'database', dependencies: ['tracing', 'metrics'] },
)
