/** Lists the methods of a path in Allow: 204 to OPTIONS, 405 to methods that it does not have (RFC 9110 §9.3.7, §15.5.6). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from './errors.ts'

/** Registered first, so that it sees every route. `refuseOtherMethods` adds its own routes at the end. */
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
        async function sendAllow(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
          return reply.code(204).header('allow', allow).send()
        }
        async function refuseMethod(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
          reply.header('allow', allow)
          throw new errors.MethodNotAllowed()
        }
        // Before the body is read: its errors do not matter for a method that is not allowed.
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
          // A preflight gets its headers from the CORS plugin, and is then handled as any other request.
          config: { cors: { preflight: true, preflightContinue: true } },
          onRequest: sendAllow,
          handler: sendAllow,
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
