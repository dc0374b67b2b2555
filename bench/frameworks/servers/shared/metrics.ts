/** Prometheus metrics: the duration of requests by method, route and status, and those of the process. */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** Returns a registry and its histogram of seconds. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  return { registry, durations }
}
