/** Reads queries and waits for the pool from the service's own metrics. */

import type { Totals } from '../agent/counters.ts'
import { now } from '../load/clock.ts'

/** Returns the totals so far; a service of an older version may lack some, which are then left out. */
export async function readMetrics(origin: string, token: string): Promise<{ totals?: Totals }> {
  const response = await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${token}` } }).catch(
    () => undefined,
  )
  if (!response?.ok) return {}
  const text = await response.text()
  const requests = sumOf(text, 'http_request_duration_seconds_count')
  const queries = sumOf(text, 'db_queries_total')
  const poolWaitSeconds = sumOf(text, 'db_pool_wait_seconds_sum')
  return {
    totals: {
      at: now(),
      ...(requests !== undefined && { requests }),
      ...(queries !== undefined && { queries }),
      ...(poolWaitSeconds !== undefined && { poolWaitMs: poolWaitSeconds * 1000 }),
    },
  }
}

/** Returns the sum over all labels of a metric in Prometheus text; undefined when it is not there. */
export function sumOf(text: string, metric: string): number | undefined {
  const values = text
    .split('\n')
    .filter(line => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`))
    .map(line => Number(line.slice(line.lastIndexOf(' '))))
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}
