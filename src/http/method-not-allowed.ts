/** Says in Allow which methods a path knows: with 204 to OPTIONS, with 405 to those that it does not (RFC 9110 §9.3.7, §15.5.6). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from './errors.ts'

/** Registered first, so that it sees every route; adds its own when all of them are there. */
export const methodNotAllowed = fp(
  async (app: FastifyInstance) => {
    const methodsOf = new Map<string, Set<string>>()
    app.addHook('onRoute', function collectMethods({ url, method }) {
      const methods = methodsOf.get(url) ?? new Set()
      for (const name of [method].flat()) methods.add(name)
      methodsOf.set(url, methods)
    })

    app.decorate('refuseOtherMethods', () => {
      for (const [url, methods] of [...methodsOf].filter(([path]) => !path.includes('*'))) {
        const others = app.supportedMethods.filter(name => !methods.has(name) && name !== 'OPTIONS')
        const allow = [...methods, 'OPTIONS'].sort().join(', ')
        async function answerOptions(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
          return reply.code(204).header('allow', allow).send()
        }
        async function refuseMethod(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
          reply.header('allow', allow)
          throw new errors.MethodNotAllowed()
        }
        // Before the body is read: what is wrong with it does not matter to a method that takes none.
        const onRequest = refuseMethod
        app.route({
          url,
          method: others,
          exposeHeadRoute: false,
          schema: { hide: true },
          onRequest,
          handler: refuseMethod,
        })
        app.route({
          url,
          method: 'OPTIONS',
          schema: { hide: true },
          // A preflight gets its headers from the CORS plugin, and is then counted and answered as any request.
          config: { cors: { preflight: true, preflightContinue: true } },
          onRequest: answerOptions,
          handler: answerOptions,
        })
      }
    })
  },
  { name: 'method-not-allowed' },
)

declare module 'fastify' {
  interface FastifyInstance {
    /** Called once, after the last route. */
    refuseOtherMethods: () => void
  }
}
