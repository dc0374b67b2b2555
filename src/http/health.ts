/** The health routes: liveness without the database, readiness with a bounded and cached look at it. */
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createMigrationCheck } from '../db/migration-check.ts'
import { withTimeout } from '../process/with-timeout.ts'
import { errors } from './errors.ts'

/** Longest wait for the database before it counts as down. Probes wait a second or more. */
const READY_TIMEOUT_MS = 800

/** How long a result is used again: many load balancers together cause one query a second at most. */
const READY_CACHE_MS = 1000

const Status = Type.Object({ status: Type.Literal('ok') })
const ok = { status: 'ok' } as const

export const health = fp(
  async (app: FastifyInstance) => {
    const isDatabaseUsable = cached(createReadinessCheck(app), READY_CACHE_MS)

    app.get(
      '/health/live',
      {
        config: { rateLimit: false },
        schema: { tags: ['health'], summary: 'Report whether the process lives', response: { 200: Status } },
      },
      async function isAlive() {
        return ok
      },
    )

    app.get(
      '/health/ready',
      {
        config: { rateLimit: false, errorCodes: ['NOT_READY'] },
        schema: {
          tags: ['health'],
          summary: 'Report whether the service takes traffic',
          response: { 200: Status },
        },
      },
      async function isReady() {
        if (app.isDraining() || !(await isDatabaseUsable())) throw new errors.NotReady()
        return ok
      },
    )
  },
  { name: 'health', dependencies: ['database', 'shutdown'] },
)

/**
 * Returns a function that resolves with whether the database can be used. It looks for missing migrations until there are
 * none, and from then on runs `select 1`. The reason is logged when it changes: probes ask every second.
 */
function createReadinessCheck({ database: { pool }, log }: FastifyInstance): () => Promise<boolean> {
  const whyUnusable = createMigrationCheck()
  let isMigrated = false
  let logged: string | undefined

  async function ask(): Promise<boolean> {
    if (isMigrated) {
      await pool.query('select 1')
      return true
    }
    const reason = await whyUnusable(pool)
    isMigrated = reason === undefined
    if (reason !== undefined && reason !== logged) log.warn(`not ready: ${reason}`)
    if (isMigrated && logged !== undefined) log.info('ready: the database has every migration')
    logged = reason
    return isMigrated
  }

  return async () => {
    try {
      return await withTimeout(READY_TIMEOUT_MS, ask(), 'the database did not respond in time')
    } catch (err) {
      log.debug({ err }, 'readiness check failed')
      return false
    }
  }
}

/** Returns `ask` with a cache: one call at a time, and its result is used again for `ttl` milliseconds. */
function cached<T>(ask: () => Promise<T>, ttl: number): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    if (!result) {
      result = ask()
      const forget = () => {
        result = undefined
      }
      result.finally(() => setTimeout(forget, ttl).unref())
    }
    return result
  }
}
