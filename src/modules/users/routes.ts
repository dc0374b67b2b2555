/** The HTTP routes of users. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { IdParams, PageOf } from '../../lib/schemas.ts'
import { clientInfoOf } from '../audit/service.ts'
import { ListedUser, ListQuery, UpdateBody, User, UserView } from './schemas.ts'
import { createUserService } from './service.ts'

export const usersRoutes: FastifyPluginAsyncTypebox = async app => {
  const users = createUserService(app)

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, { requires: 'user' })

    scope.get(
      '/users/me',
      {
        config: { errorCodes: ['NOT_FOUND'] },
        schema: { summary: 'Fetch own profile', response: { 200: User } },
      },
      async function getOwnProfile(request) {
        return users.viewSelf(request.user)
      },
    )

    scope.get(
      '/users/:id',
      {
        config: { errorCodes: ['NOT_FOUND'] },
        schema: {
          summary: 'Fetch user profile',
          params: IdParams,
          response: { 200: UserView },
        },
      },
      async function getUser(request) {
        return users.view(request.params.id, request.user)
      },
    )
  })

  app.register(async function owner(scope: typeof app) {
    app.guard(scope, { requires: 'owner', ownerOf: ({ params }) => (params as IdParams).id.toLowerCase() })

    scope.put(
      '/users/:id',
      {
        config: { errorCodes: ['NOT_FOUND', 'EMAIL_TAKEN'] },
        schema: {
          summary: 'Update profile',
          params: IdParams,
          body: UpdateBody,
          response: { 200: User },
        },
      },
      async function updateUser(request) {
        return users.update(request.user, request.body, clientInfoOf(request))
      },
    )
  })

  app.register(async function admins(scope: typeof app) {
    app.guard(scope, { requires: 'admin' })

    scope.get(
      '/users',
      {
        config: { errorCodes: ['INVALID_CURSOR'] },
        schema: {
          summary: 'List users',
          querystring: ListQuery,
          response: { 200: PageOf(ListedUser) },
        },
      },
      async function listUsers(request) {
        return users.list(request.query)
      },
    )

    scope.post(
      '/users/:id/disable',
      {
        config: { errorCodes: ['NOT_FOUND', 'CONFLICT', 'LAST_ADMIN'] },
        schema: {
          summary: 'Disable an account and end its sessions',
          params: IdParams,
          response: { 204: Type.Null() },
        },
      },
      async function disableUser(request, reply) {
        await users.setDisabled(request.params.id, true, request.user, clientInfoOf(request))
        return reply.code(204).send(null)
      },
    )

    scope.post(
      '/users/:id/enable',
      {
        config: { errorCodes: ['NOT_FOUND', 'CONFLICT'] },
        schema: { summary: 'Enable an account', params: IdParams, response: { 204: Type.Null() } },
      },
      async function enableUser(request, reply) {
        await users.setDisabled(request.params.id, false, request.user, clientInfoOf(request))
        return reply.code(204).send(null)
      },
    )
  })
}
