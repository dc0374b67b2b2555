/** Sheds requests, but no probes, while the event loop cannot keep up: 503 at once rather than 200 too late. */
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { errors } from '../errors.ts'

/** The delay of the event loop is judged by its mean over so many milliseconds. */
const SAMPLE_MS = 1000

/** What the start took of the event loop is in the sample that it ended in, which is judged by until the next one. */
const START_MS = 2 * SAMPLE_MS

export const overload = fp(
  async (app: FastifyInstance, { maxEventLoopDelay }: Pick<Config['server'], 'maxEventLoopDelay'>) => {
    let readyAt = Number.POSITIVE_INFINITY
    app.addHook('onReady', async function noteStart() {
      readyAt = performance.now()
    })
    await app.register(underPressure, {
      maxEventLoopDelay,
      sampleInterval: SAMPLE_MS,
      pressureHandler: (request, _reply, _type, delay) => {
        const isStarting = performance.now() - readyAt < START_MS
        if (isStarting || request.routeOptions.config.limited === false) return
        // Without a sample the plugin says Infinity. It is a sample's length, or a limit of 60 s would shed after one of 1 s.
        const isOverloaded = Number.isFinite(delay) || maxEventLoopDelay <= SAMPLE_MS
        if (isOverloaded) throw new errors.Overloaded()
      },
    })
  },
  { name: 'overload' },
)
