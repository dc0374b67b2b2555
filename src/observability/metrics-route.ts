/** The route of the metrics: those of all workers as Prometheus text, for clients that have the token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { errors } from '../http/errors.ts'

/** RFC 6750 §2.1: the scheme, in any case (RFC 9110 §11.1), spaces, and the token. */
const BEARER = /^bearer +(\S.*)$/i

const PROMETHEUS_TEXT = { schema: Type.String(), example: 'db_queries_total 42\n' }

export const metricsRoute = fp(
  async (app: FastifyInstance, { metrics, production }: Pick<Config, 'metrics' | 'production'>) => {
    if (production && metrics.token === undefined) return
    const expected = metrics.token && digest(metrics.token)

    app.get(
      '/metrics',
      {
        config: {
          rateLimit: false,
          errorCodes: expected ? ['OVERLOADED', 'UNAUTHORIZED'] : ['OVERLOADED'],
          ...(expected && { guard: { requires: 'metricsToken' } as const }),
        },
        onRequest: async function requireMetricsToken(request: FastifyRequest) {
          if (!expected) return
          // Digests have the same length, as timingSafeEqual requires, and hide where two tokens differ.
          const given = digest(BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '')
          if (!timingSafeEqual(given, expected)) throw new errors.Unauthorized()
        },
        schema: {
          tags: ['health'],
          summary: 'Fetch the metrics as Prometheus text',
          ...(expected && { security: [{ metricsToken: [] }] }),
          response: {
            200: { description: 'Prometheus text', content: { 'text/plain': PROMETHEUS_TEXT } },
          },
        },
      },
      async function getMetrics(_request, reply) {
        return reply.type(app.metrics.registry.contentType).send(await app.metrics.readAll())
      },
    )
  },
  { name: 'metrics-route', dependencies: ['metrics'] },
)

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
