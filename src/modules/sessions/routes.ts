/** The routes of registration, login, tokens and sessions. */
import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Config } from '../../config/config.ts'
import { errors } from '../../http/errors.ts'
import { IdParams, PageOf, PageQuery, Strict } from '../../lib/schemas.ts'
import { normalizePasswords } from '../accounts/normal-passwords.ts'
import { createPasswords } from '../accounts/passwords.ts'
import { clientInfoOf } from '../audit/service.ts'
import {
  clearCookies,
  cookieTokenOf,
  formerTokenOf,
  isByCookie,
  moveToCookie,
  presentedBy,
  refreshCookies,
  requireCsrfToken,
} from './refresh-cookie.ts'
import {
  CsrfReply,
  LoginBody,
  LoginQuery,
  PasswordBody,
  RefreshBody,
  RegisterBody,
  RegisterReply,
  Session,
  TokenReply,
} from './schemas.ts'
import { createAuthService } from './service.ts'
import { listOwnSessions } from './sessions.ts'

type Options = { config: Pick<Config, 'jwt' | 'sessions' | 'hashing' | 'rateLimit'> }

/** RFC 6749 §5.1: answers that hold tokens are kept by nobody. */
const NO_STORE = 'no-store'

export const authRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { config }) => {
  const passwords = createPasswords(config.hashing)
  app.metrics.observeGauge('password_hashes_running', 'Password hashes being computed', passwords.running)
  app.metrics.observeGauge(
    'password_hashes_waiting',
    'Password hashes waiting for their turn',
    passwords.waiting,
  )
  const { database, revocations, metrics } = app
  const auth = createAuthService({ config, passwords, database, revocations, metrics, log: app.log })
  await app.register(refreshCookies)
  normalizePasswords(app)

  app.post(
    '/register',
    {
      config: { errorCodes: ['WEAK_PASSWORD', 'OVERLOADED'] },
      onRequest: app.limit({ name: 'register', max: config.rateLimit.registerMax }),
      schema: {
        tags: ['auth'],
        summary: 'Create an account',
        body: RegisterBody,
        response: { 201: RegisterReply },
      },
    },
    async function register(request, reply) {
      return reply.code(201).send({ user: await auth.register(request.body, clientInfoOf(request)) })
    },
  )

  app.post(
    '/login',
    {
      config: { errorCodes: ['INVALID_CREDENTIALS'] },
      preHandler: app.limit({
        name: 'login',
        max: config.rateLimit.loginMax,
        // A hash: the counters may live in a shared Redis, which has no use for addresses.
        subject: request => digest((request.body as LoginBody).email.toLowerCase()),
      }),
      schema: {
        tags: ['auth'],
        summary: 'Issue access and refresh tokens',
        querystring: LoginQuery,
        body: LoginBody,
        response: { 200: TokenReply },
      },
    },
    async function login(request, reply) {
      const isBrowser = request.query.cookie === true
      const former = isBrowser ? formerTokenOf(request) : undefined
      const opened = await auth.login(typed(request), clientInfoOf(request), former)
      reply.header('cache-control', NO_STORE)
      return isBrowser ? moveToCookie(reply, opened) : opened.tokens
    },
  )

  app.post(
    '/refresh',
    {
      config: { errorCodes: ['INVALID_REFRESH_TOKEN', 'CSRF_FAILED'], guard: 'Refresh token' },
      preHandler: requireCsrfToken,
      schema: {
        tags: ['auth'],
        summary: 'Exchange a refresh token for its successor',
        body: RefreshBody,
        description:
          'The refresh token is in the body, or, in browser mode, in its cookie; then the CSRF token is asked for.',
        // A token in the body is no security scheme to OpenAPI: nothing beside the body is the first choice.
        security: [{}, { refreshCookie: [], csrfToken: [] }],
        response: { 200: TokenReply },
      },
    },
    async function refresh(request, reply) {
      const opened = await auth.refresh(presentedBy(request), clientInfoOf(request))
      reply.header('cache-control', NO_STORE)
      return isByCookie(request) ? moveToCookie(reply, opened) : opened.tokens
    },
  )

  app.get(
    '/csrf',
    {
      config: { errorCodes: ['INVALID_REFRESH_TOKEN', 'DATABASE_UNAVAILABLE'], guard: 'Refresh cookie' },
      schema: {
        tags: ['auth'],
        summary: 'Fetch the CSRF token of the browser session',
        description:
          'For a page that was loaded anew, a second tab, and after 403 `CSRF_FAILED`, where another tab has logged in. ' +
          'The refresh token stays as it is.',
        security: [{ refreshCookie: [] }],
        response: { 200: CsrfReply },
      },
    },
    async function getCsrfToken(request, reply) {
      const token = cookieTokenOf(request)
      if (token === undefined) throw new errors.InvalidRefreshToken()
      const csrfToken = await auth.csrfTokenOf(token)
      reply.header('cache-control', NO_STORE)
      return { csrfToken }
    },
  )

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, 'JWT')

    scope.post(
      '/logout',
      { schema: { tags: ['auth'], summary: 'End this session everywhere', response: { 204: Type.Null() } } },
      async function logout(request, reply) {
        await auth.endOwnSession(request.user, request.user.sid, clientInfoOf(request))
        clearCookies(reply)
        return reply.code(204).send(null)
      },
    )

    scope.put(
      '/password',
      {
        config: { errorCodes: ['WEAK_PASSWORD', 'WRONG_PASSWORD', 'CONFLICT', 'OVERLOADED'] },
        preHandler: app.limit({
          name: 'password',
          max: config.rateLimit.loginMax,
          subject: request => request.user.sub,
        }),
        schema: {
          tags: ['auth'],
          summary: 'Change the password and end the other sessions',
          body: PasswordBody,
          response: { 204: Type.Null() },
        },
      },
      async function changePassword(request, reply) {
        await auth.changePassword(request.user, typed(request), clientInfoOf(request))
        return reply.code(204).send(null)
      },
    )

    scope.get(
      '/sessions',
      {
        config: { errorCodes: ['INVALID_CURSOR'] },
        schema: {
          tags: ['auth'],
          summary: 'List own sessions',
          querystring: Strict(PageQuery),
          response: { 200: PageOf(Session) },
        },
      },
      async function listSessions(request) {
        return listOwnSessions(database, request.user, request.query)
      },
    )

    scope.delete(
      '/sessions',
      {
        schema: {
          tags: ['auth'],
          summary: 'End all own sessions but this one',
          response: { 204: Type.Null() },
        },
      },
      async function endOtherSessions(request, reply) {
        await auth.endOtherSessions(request.user, clientInfoOf(request))
        return reply.code(204).send(null)
      },
    )

    scope.delete(
      '/sessions/:id',
      {
        config: { errorCodes: ['NOT_FOUND'] },
        schema: {
          tags: ['auth'],
          summary: 'End one of own sessions',
          params: IdParams,
          response: { 204: Type.Null() },
        },
      },
      async function endSession(request, reply) {
        const sessionId = request.params.id.toLowerCase()
        if (!(await auth.endOwnSession(request.user, sessionId, clientInfoOf(request))))
          throw new errors.NotFound()
        return reply.code(204).send(null)
      },
    )
  })
}

/** The body, with the present password as it came beside its normal form. */
function typed<Body extends object>({
  body,
  typedPassword,
}: {
  body: Body
  typedPassword: string | undefined
}) {
  return { ...body, typedPassword }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
