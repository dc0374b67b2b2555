/** The metrics of the database: statements, waits, and the connections of the pool. */
import type { Metrics } from '../observability/metrics.ts'
import type { Pool } from './pool.ts'

export function createDatabaseMetrics({ createCounter, createDurationHistogram }: Metrics) {
  return {
    queries: createCounter({ name: 'db_queries_total', help: 'Statements sent to PostgreSQL' }),
    poolWaits: createDurationHistogram({
      name: 'db_pool_wait_seconds',
      help: 'Time that a statement or a transaction waited for its connection',
    }),
  }
}

/** Adds gauges of the pool's connections, read when the metrics are. */
export function observePool({ observeGauge }: Metrics, pool: Pool): void {
  observeGauge('db_pool_connections', 'Open connections', () => pool.totalCount)
  observeGauge('db_pool_idle_connections', 'Open connections that are not in use', () => pool.idleCount)
  observeGauge('db_pool_waiting_requests', 'Requests that wait for a connection', () => pool.waitingCount)
}
