/** The routes of user profiles. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { IdParams, PageOf } from '../../lib/schemas.ts'
import { clientInfoOf } from '../audit/service.ts'
import { ListedUser, ListQuery, UpdateBody, User, UserView } from './schemas.ts'
import { createUsers } from './service.ts'

export const usersRoutes: FastifyPluginAsyncTypebox = async app => {
  const users = createUsers(app)

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, 'JWT')

    scope.get(
      '/users/me',
      {
        config: { errorCodes: ['NOT_FOUND'] },
        schema: { tags: ['users'], summary: 'Fetch own profile', response: { 200: User } },
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
          tags: ['users'],
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
    app.guard(scope, 'JWT + Owner')

    scope.put(
      '/users/:id',
      {
        config: { errorCodes: ['NOT_FOUND', 'EMAIL_TAKEN'] },
        schema: {
          tags: ['users'],
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
    app.guard(scope, 'JWT + admin')

    scope.get(
      '/users',
      {
        config: { errorCodes: ['INVALID_CURSOR'] },
        schema: {
          tags: ['users'],
          summary: 'List users',
          querystring: ListQuery,
          response: { 200: PageOf(ListedUser) },
        },
      },
      async function listUsers(request) {
        return users.list(request.query)
      },
    )

    for (const [action, isDisabled] of [
      ['disable', true],
      ['enable', false],
    ] as const) {
      scope.post(
        `/users/:id/${action}`,
        {
          config: { errorCodes: ['NOT_FOUND', 'CONFLICT', ...(isDisabled ? ['LAST_ADMIN'] : [])] },
          schema: {
            tags: ['users'],
            operationId: `${action}User`,
            summary: isDisabled ? 'Disable an account and end its sessions' : 'Enable an account',
            params: IdParams,
            response: { 204: Type.Null() },
          },
        },
        async function setDisabled(request, reply) {
          await users.setDisabled(request.params.id, isDisabled, request.user, clientInfoOf(request))
          return reply.code(204).send(null)
        },
      )
    }
  })
}
