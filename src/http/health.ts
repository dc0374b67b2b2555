/** Tells probes whether the process lives, and whether it should get traffic. */
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createMigrationCheck } from '../db/migration-check.ts'
import { withTimeout } from '../process/with-timeout.ts'
import { errors } from './errors.ts'

/** Longest wait for the database before it counts as down: probes give up after a second or more. */
const READY_TIMEOUT_MS = 800

/** Probes of many load balancers must not become a load: one question to the database a second, at most. */
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
        schema: { tags: ['health'], summary: 'Tell whether the process lives', response: { 200: Status } },
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
          summary: 'Tell whether the service takes traffic',
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
 * Asks the database for its migrations until it has all of this version's, and from then on only whether it answers.
 * The reason is logged when it changes: probes ask every second.
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
      return await withTimeout(READY_TIMEOUT_MS, ask(), 'the database did not answer in time')
    } catch (err) {
      log.debug({ err }, 'readiness check failed')
      return false
    }
  }
}

/** Asks once for all callers of the next `ttl` milliseconds, and never twice at a time. */
function cached<T>(ask: () => Promise<T>, ttl: number): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    if (!answer) {
      answer = ask()
      const forget = () => {
        answer = undefined
      }
      answer.finally(() => setTimeout(forget, ttl).unref())
    }
    return answer
  }
}
