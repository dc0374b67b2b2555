/** Rate limits: one for every route by client address, stricter ones for some routes; counted in memory or in Redis. */
import rateLimitPlugin, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { SERVICE_NAME } from '../config/service-name.ts'
import { withTimeout } from '../process/with-timeout.ts'
import { errors } from './errors.ts'

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

type Limit = {
  /** The name of the limit. Each limit counts for itself. */
  name: string
  /** Requests that are allowed in a window. */
  max: number
  /** What the limit counts by, besides the client's address; nothing unless given. */
  subject?: (request: FastifyRequest) => string
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook that responds with 429 to the request after the `max`th of a window. */
    limit: (limit: Limit) => Hook
  }
}

/** Counts that one process keeps in memory, about 100 bytes each. The plugin's default of 5,000 is soon used up. */
const MEMORY_KEYS = 65_536

/**
 * Longest wait for Redis: a slow Redis must not slow down every request. ioredis' own `commandTimeout` also fires for a
 * reply that has arrived and is not read yet.
 */
const REDIS_TIMEOUT_MS = 250

/** After a failure, requests are counted in memory for this long before Redis is asked again. */
const REDIS_PAUSE_MS = 1000

export const rateLimit = fp(
  async (app: FastifyInstance, { rateLimit: settings, redis }: Pick<Config, 'rateLimit' | 'redis'>) => {
    const inMemory = await createCounter(app, { timeWindow: settings.window })
    const inRedis =
      redis.url === undefined ? undefined : await createRedisCounter(app, redis.url, settings.window)

    app.decorate('limit', ({ name, max, subject }) => {
      const options = { max, cache: MEMORY_KEYS }
      const limitKey = (request: FastifyRequest) =>
        subject === undefined
          ? clientOf(request.clientAddress)
          : `${clientOf(request.clientAddress)}:${subject(request)}`
      // In memory each limit has counts of its own: keys without its name need not be built for every request.
      const countInMemory = inMemory({ ...options, keyGenerator: limitKey })
      const named = { ...options, keyGenerator: (request: FastifyRequest) => `${name}:${limitKey(request)}` }
      const count = inRedis?.(named, countInMemory) ?? countInMemory
      return async function enforceLimit(request, reply) {
        const outcome = await count(request)
        if (outcome.isAllowed || !outcome.isExceeded) return
        reply.header('retry-after', String(outcome.ttlInSeconds))
        throw new errors.TooManyRequests()
      }
    })

    // A hook of the root: it runs before the guards, and also for requests that match no route.
    const limitClient = app.limit({ name: 'client', max: settings.max })
    app.addHook('onRequest', function limitEveryRoute(request, reply, done) {
      if (request.routeOptions.config?.rateLimit === false) return done()
      limitClient(request, reply).then(() => done(), done)
    })
  },
  { name: 'rate-limit', dependencies: ['client-address'] },
)

/** Returns the client of an address: of IPv6 the /64, which is what one customer has (RFC 6177). */
function clientOf(address: string): string {
  return address.includes(':') ? normalizeIP(address) : address
}

type Counter = FastifyInstance['createRateLimit']

/** Returns the plugin's counting function. The plugin is registered in a scope of its own, so that there can be two stores. */
async function createCounter(app: FastifyInstance, options: object): Promise<Counter> {
  const counter = Promise.withResolvers<Counter>()
  await app.register(async function rateLimitStore(scope) {
    await scope.register(rateLimitPlugin, { global: false, ...options })
    counter.resolve(scope.createRateLimit)
  })
  return counter.promise
}

/**
 * Counts in Redis, for all instances together. While Redis does not respond, each instance counts in memory: logins stay
 * limited, and no request fails or waits because Redis is down.
 */
async function createRedisCounter(app: FastifyInstance, url: string, timeWindow: number) {
  // Loaded only here: it takes 40 ms of a start.
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    retryStrategy: attempt => Math.min(attempt * 100, 2000),
  })
  redis.on('error', err => app.log.debug({ err }, 'Redis connection failed'))
  app.addHook('onClose', async () => redis.disconnect())
  const shared = await createCounter(app, { timeWindow, redis, nameSpace: `${SERVICE_NAME}:limit:` })

  let pausedUntil = -Infinity
  return (options: Parameters<Counter>[0], countInMemory: ReturnType<Counter>): ReturnType<Counter> => {
    const countInRedis = shared(options)
    return async request => {
      if (performance.now() < pausedUntil) return countInMemory(request)
      try {
        return await withTimeout(REDIS_TIMEOUT_MS, countInRedis(request), 'Command timed out')
      } catch (err) {
        pausedUntil = performance.now() + REDIS_PAUSE_MS
        app.log.warn({ err }, 'Redis does not respond: this instance counts in memory')
        return countInMemory(request)
      }
    }
  }
}
