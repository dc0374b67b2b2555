/** Sheds load: while the event loop is late, requests get 503 at once; health probes do not. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { errors } from './errors.ts'

/** The delay of the event loop is its mean over so many milliseconds. */
const SAMPLE_MS = 1000

/** How often the monitor measures, in milliseconds. Its results include this time. */
const RESOLUTION_MS = 10

/** The work of the start is in the sample in which it ended, and that sample counts until the next one. */
const START_MS = 2 * SAMPLE_MS

/** Registers the shedding; a `maxEventLoopDelay` of 0 turns it off. */
export const overload = fp(
  async (app: FastifyInstance, { server: { maxEventLoopDelay } }: Pick<Config, 'server'>) => {
    if (maxEventLoopDelay === 0) return
    const readDelay = sampleDelay(app)
    let readyAt = Number.POSITIVE_INFINITY
    app.addHook('onReady', async function noteStart() {
      readyAt = performance.now()
    })
    app.addHook('onRequest', function shedLoad(request, _reply, done) {
      if (readDelay() <= maxEventLoopDelay) return done()
      const isStarting = performance.now() - readyAt < START_MS
      if (isStarting || request.routeOptions.config.rateLimit === false) return done()
      done(new errors.Overloaded())
    })
  },
  { name: 'overload' },
)

/** Returns a function that returns the mean delay of the last sample, in milliseconds. Stops with the app. */
function sampleDelay(app: FastifyInstance): () => number {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  monitor.enable()
  let delay = 0
  let sampledAt = performance.now()
  // A timer that is set again after each sample: an interval would fire twice in a row after a long sample.
  const timer = setTimeout(takeSample, SAMPLE_MS).unref()

  function takeSample(): void {
    const now = performance.now()
    // Where the monitor did not run at all, the event loop was blocked all the time.
    delay = monitor.count === 0 ? now - sampledAt : Math.max(0, monitor.mean / 1e6 - RESOLUTION_MS)
    sampledAt = now
    monitor.reset()
    timer.refresh()
  }

  app.addHook('onClose', async () => {
    clearTimeout(timer)
    monitor.disable()
  })
  return () => delay
}
