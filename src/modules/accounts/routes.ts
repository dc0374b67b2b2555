/** The HTTP routes of registration and passwords. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { clientInfoOf } from '../audit/service.ts'
import type { ModuleOptions } from '../define-module.ts'
import { PasswordBody, RegisterBody, RegisterReply } from './schemas.ts'
import { createAccountService } from './service.ts'
import type { AccountsSettings } from './settings.ts'

export const accountsRoutes: FastifyPluginAsyncTypebox<ModuleOptions<typeof AccountsSettings>> = async (
  app,
  { config, settings },
) => {
  const accounts = createAccountService(app)
  app.normalizePasswords(app)

  app.post(
    '/auth/register',
    {
      config: { errorCodes: ['WEAK_PASSWORD', 'OVERLOADED'] },
      onRequest: app.limit({ name: 'register', max: settings.REGISTER_RATE_LIMIT_MAX }),
      schema: {
        summary: 'Create an account',
        body: RegisterBody,
        response: { 201: RegisterReply },
      },
    },
    async function register(request, reply) {
      return reply.code(201).send({ user: await accounts.register(request.body, clientInfoOf(request)) })
    },
  )

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, { requires: 'user' })

    scope.put(
      '/auth/password',
      {
        config: { errorCodes: ['WEAK_PASSWORD', 'WRONG_PASSWORD', 'CONFLICT', 'OVERLOADED'] },
        preHandler: app.limit({
          name: 'password',
          max: config.rateLimit.loginMax,
          subject: request => request.user.sub,
        }),
        schema: {
          summary: 'Change the password and end the other sessions',
          body: PasswordBody,
          response: { 204: Type.Null() },
        },
      },
      async function changePassword(request, reply) {
        await accounts.changePassword(
          request.user,
          { ...request.body, typedPassword: request.typedPassword },
          clientInfoOf(request),
        )
        return reply.code(204).send(null)
      },
    )
  })
}
