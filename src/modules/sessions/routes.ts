/** The HTTP routes of login, tokens and sessions. */
import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { errors } from '../../http/errors.ts'
import { IdParams, PageOf, PageQuery, Strict } from '../../lib/schemas.ts'
import { clientInfoOf } from '../audit/service.ts'
import type { ModuleOptions } from '../define-module.ts'
import { sessionsErrors } from './errors.ts'
import { createSessionsMetrics } from './metrics.ts'
import { listOwnSessions } from './own-sessions.ts'
import {
  clearCookies,
  cookieTokenOf,
  formerTokenOf,
  isByCookie,
  moveToCookie,
  presentedTokenOf,
  refreshCookies,
  requireCsrfToken,
} from './refresh-cookie.ts'
import { CsrfReply, LoginBody, LoginQuery, RefreshBody, Session, TokenReply } from './schemas.ts'
import { createSessionService } from './service.ts'
import type { SessionsSettings } from './settings.ts'

/** Responses that contain tokens must not be cached: RFC 6749 §5.1. */
const NO_STORE = 'no-store'

export const sessionsRoutes: FastifyPluginAsyncTypebox<ModuleOptions<typeof SessionsSettings>> = async (
  app,
  { config, settings },
) => {
  const { database, credentials, revocations } = app
  const metrics = createSessionsMetrics(app.metrics)
  const sessions = createSessionService({
    jwt: config.jwt,
    settings,
    database,
    credentials,
    revocations,
    metrics,
  })
  await app.register(refreshCookies)
  app.normalizePasswords(app)

  app.post(
    '/auth/login',
    {
      config: { errorCodes: ['INVALID_CREDENTIALS'] },
      preHandler: app.limit({
        name: 'login',
        max: config.rateLimit.loginMax,
        // A hash, because the counters may be in a shared Redis, which does not need the address.
        subject: request => digest((request.body as LoginBody).email.toLowerCase()),
      }),
      schema: {
        summary: 'Issue access and refresh tokens',
        querystring: LoginQuery,
        body: LoginBody,
        response: { 200: TokenReply },
      },
    },
    async function login(request, reply) {
      const isBrowser = request.query.cookie === true
      const former = isBrowser ? formerTokenOf(request) : undefined
      const opened = await sessions.login(
        { ...request.body, typedPassword: request.typedPassword },
        clientInfoOf(request),
        former,
      )
      reply.header('cache-control', NO_STORE)
      return isBrowser ? moveToCookie(reply, opened) : opened.tokens
    },
  )

  app.post(
    '/auth/refresh',
    {
      config: { errorCodes: ['INVALID_REFRESH_TOKEN', 'CSRF_FAILED'], guard: { requires: 'refreshToken' } },
      preHandler: requireCsrfToken,
      schema: {
        summary: 'Exchange a refresh token for its successor',
        body: RefreshBody,
        description:
          'The refresh token is in the body, or in browser mode in the cookie. The cookie needs the CSRF token too.',
        // OpenAPI has no security scheme for a token in the body, so the first choice is none.
        security: [{}, { refreshCookie: [], csrfToken: [] }],
        response: { 200: TokenReply },
      },
    },
    async function refresh(request, reply) {
      const opened = await sessions.refresh(presentedTokenOf(request), clientInfoOf(request))
      reply.header('cache-control', NO_STORE)
      return isByCookie(request) ? moveToCookie(reply, opened) : opened.tokens
    },
  )

  app.get(
    '/auth/csrf',
    {
      config: {
        errorCodes: ['INVALID_REFRESH_TOKEN', 'DATABASE_UNAVAILABLE'],
        guard: { requires: 'refreshCookie' },
      },
      schema: {
        summary: 'Fetch the CSRF token of the browser session',
        description:
          'For a page that was reloaded, for a second tab, and after 403 `CSRF_FAILED`, when another tab has logged in. ' +
          'The refresh token does not change.',
        security: [{ refreshCookie: [] }],
        response: { 200: CsrfReply },
      },
    },
    async function getCsrfToken(request, reply) {
      const token = cookieTokenOf(request)
      if (token === undefined) throw new sessionsErrors.InvalidRefreshToken()
      const csrfToken = await sessions.csrfTokenOf(token)
      reply.header('cache-control', NO_STORE)
      return { csrfToken }
    },
  )

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, { requires: 'user' })

    scope.post(
      '/auth/logout',
      { schema: { summary: 'End this session everywhere', response: { 204: Type.Null() } } },
      async function logout(request, reply) {
        await sessions.endOwnSession(request.user, request.user.sid, clientInfoOf(request))
        clearCookies(reply)
        return reply.code(204).send(null)
      },
    )

    scope.get(
      '/auth/sessions',
      {
        config: { errorCodes: ['INVALID_CURSOR'] },
        schema: {
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
      '/auth/sessions',
      {
        schema: {
          summary: 'End all own sessions but this one',
          response: { 204: Type.Null() },
        },
      },
      async function endOtherSessions(request, reply) {
        await sessions.endOtherSessions(request.user, clientInfoOf(request))
        return reply.code(204).send(null)
      },
    )

    scope.delete(
      '/auth/sessions/:id',
      {
        config: { errorCodes: ['NOT_FOUND'] },
        schema: {
          summary: 'End one own session',
          params: IdParams,
          response: { 204: Type.Null() },
        },
      },
      async function endSession(request, reply) {
        const sessionId = request.params.id.toLowerCase()
        if (!(await sessions.endOwnSession(request.user, sessionId, clientInfoOf(request))))
          throw new errors.NotFound()
        return reply.code(204).send(null)
      },
    )
  })
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
