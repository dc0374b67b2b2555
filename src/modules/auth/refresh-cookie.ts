/** Browser mode: the refresh token in a cookie that scripts cannot read, and a CSRF token that other sites cannot. */
import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../../errors.ts'

const NAME = '__Secure-refresh'
const OPTIONS = { httpOnly: true, secure: true, sameSite: 'strict', path: '/api/v1/auth' } as const

/** __Host-: no subdomain can set it (RFC 6265bis §4.1.3.2), which a double-submit cookie depends on. */
const CSRF_NAME = '__Host-csrf'
const CSRF_OPTIONS = { ...OPTIONS, path: '/' } as const

type Tokens = { accessToken: string; refreshToken: string; tokenType: 'Bearer'; expiresIn: number }

export const refreshCookies = fp(
  async (app: FastifyInstance) => {
    await app.register(cookie)
    await app.register(csrf, {
      cookieKey: CSRF_NAME,
      cookieOpts: CSRF_OPTIONS,
      getToken: request => String(request.headers['x-csrf-token'] ?? ''),
    })
  },
  { name: 'refresh-cookies' },
)

/** The refresh token of a request: of its body, or else of its cookie. */
export function refreshTokenOf(request: FastifyRequest<{ Body: { refreshToken?: string } }>): string {
  const token = request.body.refreshToken ?? request.cookies[NAME]
  if (token === undefined) throw new errors.InvalidRefreshToken()
  return token
}

/** A hook: where the browser sends the token by itself, the page must prove that it is ours. */
export function requireCsrfToken(
  this: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  if (isByCookie(request)) this.csrfProtection(request, reply, done)
  else done()
}

/** Whether the browser sent the refresh token, and the body holds none. */
export function isByCookie(request: FastifyRequest): boolean {
  const { refreshToken } = request.body as { refreshToken?: string }
  return refreshToken === undefined && request.cookies[NAME] !== undefined
}

/** The reply's body of a login in browser mode: a CSRF secret of its own, too, which lives as long as the session. */
export function openCookies(reply: FastifyReply, tokens: Tokens, expires: Date) {
  // The plugin would go on with a former session's secret, and with the end of its cookie.
  delete reply.request.cookies[CSRF_NAME]
  return moveToCookie(reply, tokens, expires)
}

/** The reply's body in browser mode: the refresh token moves to a cookie that ends with the session. */
export function moveToCookie(reply: FastifyReply, { refreshToken, ...rest }: Tokens, expires: Date) {
  reply.setCookie(NAME, refreshToken, { ...OPTIONS, expires })
  return { ...rest, csrfToken: reply.generateCsrf({ expires }) }
}

export function clearCookies(reply: FastifyReply): void {
  reply.clearCookie(NAME, OPTIONS)
  reply.clearCookie(CSRF_NAME, CSRF_OPTIONS)
}
