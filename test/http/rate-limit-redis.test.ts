/** Rate limits of several processes: they share their counts in Redis, and count in memory while it is down (P16). */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAppOn, PASSWORD } from '../helpers/app.ts'
import { block } from '../helpers/block.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { hasRedis, type RedisServer, startRedis } from '../helpers/redis.ts'

const MAX = 10

/** Far more than a request takes, and far less than a client would wait: a request that hangs takes longer. */
const NO_HANG_MS = 3000

// Where Redis is not installed, these tests are not registered.
if (hasRedis()) {
  describe('P16: with Redis', () => {
    let redis: RedisServer
    let database: TestDatabase
    const instances: FastifyInstance[] = []
    let client = 0

    beforeAll(async () => {
      redis = await startRedis()
      database = await cloneDatabase()
      const settings = { REDIS_URL: redis.url, RATE_LIMIT_MAX: String(MAX) }
      const shared = { url: database.url, drop: async () => {} }
      for (let i = 0; i < 2; i++) instances.push((await createAppOn(shared, settings)).app)
    })
    afterAll(async () => {
      try {
        await Promise.all(instances.map(app => app.close()))
        await database?.drop()
      } finally {
        await redis?.remove()
      }
    })
    beforeEach(async () => {
      redis.thaw()
      await redis.restart()
      for (const app of instances) await untilShared(app)
    })

    /** A client that has sent no request yet. */
    function nextClient(): string {
      client += 1
      return `203.0.${113 + (client >> 8)}.${client & 255}`
    }

    function ask(app: FastifyInstance, remoteAddress: string) {
      return app.inject({ url: '/.well-known/jwks.json', remoteAddress })
    }

    /** Sends requests to the given instances in turn, and returns how many were allowed. */
    async function countAllowed(
      apps: FastifyInstance[],
      remoteAddress: string,
      requests = 3 * MAX,
    ): Promise<number> {
      let allowed = 0
      for (let i = 0; i < requests; i++) {
        const started = performance.now()
        const { statusCode } = await ask(apps[i % apps.length] as FastifyInstance, remoteAddress)
        expect(performance.now() - started).toBeLessThan(NO_HANG_MS)
        expect([200, 429]).toContain(statusCode)
        if (statusCode === 200) allowed += 1
      }
      return allowed
    }

    async function keys(): Promise<string[]> {
      const direct = new Redis(redis.url)
      const found = await direct.keys('*')
      await direct.quit()
      return found
    }

    /** Waits until an instance counts in Redis: after a failure it pauses. */
    async function untilShared(app: FastifyInstance): Promise<void> {
      const deadline = Date.now() + 10_000
      while (Date.now() < deadline) {
        const address = nextClient()
        await ask(app, address)
        if ((await keys()).some(key => key.includes(address))) return
        await sleep(100)
      }
      throw new Error('Redis was not used again')
    }

    it('instances share one count for each client', async () => {
      // On a busy machine, an instance without a reply of Redis for 250 ms counts in memory for a second, as intended.
      const shared = async () => {
        for (const app of instances) await untilShared(app)
        return countAllowed(instances, nextClient())
      }
      await expect.poll(shared, { timeout: 15_000 }).toBe(MAX)
      expect(await countAllowed(instances.slice(0, 1), nextClient())).toBe(MAX)
    })

    it('an instance that was blocked itself does not take Redis for down', async () => {
      const [app] = instances as [FastifyInstance]
      const address = nextClient()
      redis.freeze()
      const response = ask(app, address)
      await sleep(50)
      // In a turn of the event loop, timers run before sockets are read.
      await nextTurn()
      redis.thaw()
      block(500)
      expect((await response).statusCode).toBe(200)
      expect(await countAllowed(instances, address)).toBe(MAX - 1)
    })

    it('instances share one count also where the requests come at once', async () => {
      const address = nextClient()
      const responses = await Promise.all(
        Array.from({ length: 6 * MAX }, (_, i) => ask(instances[i % 2] as FastifyInstance, address)),
      )
      expect(responses.filter(({ statusCode }) => statusCode === 200)).toHaveLength(MAX)
    })

    it('keys contain no e-mail address, and all of them expire', async () => {
      const payload = { email: 'ada@example.com', password: PASSWORD }
      await instances[0]?.inject({ method: 'POST', url: '/api/v1/auth/login', payload })
      const found = await keys()
      expect(found.filter(key => key.includes('login:127.0.0.1'))).toHaveLength(1)
      expect(found.join('\n')).not.toMatch(/ada|example|@|%40/i)
      const direct = new Redis(redis.url)
      for (const key of found) expect(await direct.pttl(key)).toBeGreaterThan(0)
      await direct.quit()
    })

    it('killed: every instance responds and limits on its own, and shares again when Redis is back', async () => {
      await redis.kill()
      const address = nextClient()
      expect(await countAllowed(instances, address)).toBe(2 * MAX)
      await redis.restart()
      for (const app of instances) await untilShared(app)
      expect(await countAllowed(instances, nextClient())).toBe(MAX)
    })

    it('frozen: every instance responds and limits on its own, and shares again when Redis continues', async () => {
      redis.freeze()
      expect(await countAllowed(instances, nextClient())).toBe(2 * MAX)
      redis.thaw()
      for (const app of instances) await untilShared(app)
      expect(await countAllowed(instances, nextClient())).toBe(MAX)
    })

    it('frozen under many requests at once: no request waits for long, and health probes do not wait', async () => {
      redis.freeze()
      const started = performance.now()
      const responses = await Promise.all(
        Array.from({ length: 200 }, (_, i) => ask(instances[0] as FastifyInstance, `198.51.100.${i}`)),
      )
      expect(performance.now() - started).toBeLessThan(NO_HANG_MS)
      expect(responses.every(({ statusCode }) => statusCode === 200)).toBe(true)
      expect((await instances[0]?.inject({ url: '/health/live' }))?.statusCode).toBe(200)
    })

    it('down from the start: an instance starts, responds and limits, and closes', async () => {
      await redis.kill()
      const { app } = await createAppOn(
        { url: database.url, drop: async () => {} },
        { REDIS_URL: redis.url, RATE_LIMIT_MAX: String(MAX) },
      )
      expect(await countAllowed([app], nextClient())).toBe(MAX)
      await app.close()
    })
  })
}
