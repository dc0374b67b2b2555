/** Prometheus metrics: requests and the process; other plugins and the modules add their own. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from 'prom-client'
import { shareMetrics } from './worker-metrics.ts'

export type Metrics = ReturnType<typeof createMetrics> & {
  /** The metrics of all workers together, as Prometheus text. */
  readAll: () => Promise<string>
}

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** In seconds: from a cached look-up to a login that waits for its password hash. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Gauges of prom-client with the name of a counter. Each is the sum of another gauge, which has a type as its label. */
const MISNAMED_GAUGES = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

export const metrics = fp(
  async (app: FastifyInstance) => {
    const created = createMetrics()
    const shared = shareMetrics(created.registry)
    app.decorate('metrics', { ...created, readAll: shared.read })
    app.addHook('onClose', shared.close)
    const observe = (request: FastifyRequest, reply: FastifyReply) => {
      // The template, not the path: a label for each path would let a client fill the memory (P26).
      const route = request.routeOptions.url ?? 'unmatched'
      created.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000)
    }
    app.addHook('onResponse', function observeDuration(request, reply, done) {
      observe(request, reply)
      done()
    })
    app.onAborted(observe)
  },
  { name: 'metrics', dependencies: ['connections'] },
)

/** Creates the metrics of one app, in a registry of its own. */
function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED_GAUGES) registry.removeSingleMetric(name)
  const registers = [registry]
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its response',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    registry,
    /** Returns a counter of this app. */
    createCounter: <Label extends string = never>(
      options: Pick<CounterConfiguration<Label>, 'name' | 'help' | 'labelNames'>,
    ): Counter<Label> => new Counter({ ...options, registers }),
    /** Returns a histogram of durations in seconds. */
    createDurationHistogram: (options: { name: string; help: string }): Histogram =>
      new Histogram({ ...options, buckets: DURATION_BUCKETS, registers }),
    observeRequest: createRequestObserver(durations),
    /** Adds a gauge whose value is read when the metrics are. */
    observeGauge(name: string, help: string, read: () => number): void {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    },
    /** Adds a counter whose value is read when the metrics are. */
    observeCounter(name: string, help: string, read: () => number): void {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
  }
}

/**
 * Returns a function that observes requests. It keeps the child of each set of labels, which prom-client would look up by a
 * hash of the labels on every call. Nested maps need no key: to build and hash one takes 0.8 µs of CPU more.
 */
function createRequestObserver(durations: Histogram<'method' | 'route' | 'status'>) {
  type Child = ReturnType<typeof durations.labels>
  const routes = new Map<string, Map<string, Map<number, Child>>>()

  function add(method: string, route: string, status: number): Child {
    const child = durations.labels({ method, route, status: String(status) })
    const methods = routes.get(route) ?? new Map<string, Map<number, Child>>()
    methods.set(method, (methods.get(method) ?? new Map<number, Child>()).set(status, child))
    routes.set(route, methods)
    return child
  }

  return (method: string, route: string, status: number, seconds: number): void => {
    const child = routes.get(route)?.get(method)?.get(status) ?? add(method, route, status)
    child.observe(seconds)
  }
}
