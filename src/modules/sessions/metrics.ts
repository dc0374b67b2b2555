/** The metrics of the sessions module. */
import type { Metrics } from '../../observability/metrics.ts'

export type SessionsMetrics = ReturnType<typeof createSessionsMetrics>

/** Returns the metrics of sessions. */
export function createSessionsMetrics({ createCounter }: Pick<Metrics, 'createCounter'>) {
  return {
    logins: createCounter({ name: 'auth_logins_total', help: 'Logins by outcome', labelNames: ['outcome'] }),
    refreshReuse: createCounter({
      name: 'auth_refresh_reuse_total',
      help: 'Refresh tokens that were reused; each reuse ended a session',
    }),
  }
}
