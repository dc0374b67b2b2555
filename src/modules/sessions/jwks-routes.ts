/** The HTTP route of the public signing keys, for services that verify access tokens. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../../config/config.ts'
import { jwks, verificationKeys } from './access-tokens.ts'
import { Jwks } from './schemas.ts'

export const jwksRoutes: FastifyPluginAsyncTypebox<{ jwt: Config['jwt'] }> = async (app, { jwt }) => {
  const keySet = jwks(verificationKeys(jwt))

  app.get(
    '/.well-known/jwks.json',
    { schema: { tags: ['sessions'], summary: 'Fetch the public signing keys', response: { 200: Jwks } } },
    async function getKeySet(_request, reply) {
      // 5 minutes, less than the time between publishing a new key and signing with it: verifiers know it in time.
      reply.header('cache-control', 'public, max-age=300')
      return keySet
    },
  )
}
