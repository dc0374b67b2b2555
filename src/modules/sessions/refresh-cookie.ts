/** Browser mode: keeps the refresh token in a cookie that scripts cannot read, and requires a CSRF token with it. */
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { sessionsErrors } from './errors.ts'

/**
 * The prefix `__Host-` prevents other subdomains from setting the cookie (RFC 6265bis §4.1.3.2): they could log a browser
 * in to an attacker's session. The prefix requires the path `/`, so same-origin pages send the cookie with every request.
 */
const REFRESH_COOKIE = '__Host-refresh'

/**
 * The name, with spaces and tabs around it (RFC 6265bis §5.6). `trim` would also remove U+00A0. Browsers do not: for them
 * a name that begins with U+00A0 has no prefix `__Host-`, and any subdomain can set that cookie.
 */
const NAME = new RegExp(`^[ \\t]*${REFRESH_COOKIE}[ \\t]*$`)

const OPTIONS = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' } as const

type Tokens = {
  accessToken: string
  refreshToken: string
  tokenType: 'Bearer'
  expiresIn: number
}

type Opened = { tokens: Tokens; expiresAt: Date; csrfToken: string | null }

/** Adds `reply.setCookie` and `reply.clearCookie`. */
export const refreshCookies = fp(
  async (app: FastifyInstance) => {
    await app.register(cookie)
  },
  { name: 'refresh-cookies' },
)

/** The refresh token of a request, and the CSRF token that must come with a cookie. */
export type PresentedToken = {
  token: string
  /** Undefined if the refresh token is in the body: another site cannot make a browser send it there. */
  csrfToken: string | undefined
}

/**
 * Returns the refresh token from the body of a request, otherwise the one from its cookie with the CSRF token.
 * Throws InvalidRefreshToken if there is none, or if there are several cookies: one may be of another user.
 */
export function presentedTokenOf(
  request: FastifyRequest<{ Body: { refreshToken?: string } }>,
): PresentedToken {
  const { refreshToken } = request.body
  if (refreshToken !== undefined) return { token: refreshToken, csrfToken: undefined }
  const token = cookieTokenOf(request)
  if (token === undefined) throw new sessionsErrors.InvalidRefreshToken()
  return { token, csrfToken: String(request.headers['x-csrf-token'] ?? '') }
}

/** Returns the refresh token of the cookie; undefined if there is none. Throws InvalidRefreshToken if there are several. */
export function cookieTokenOf(request: FastifyRequest): string | undefined {
  const [value, ...others] = refreshCookiesOf(request)
  if (others.length > 0)
    throw new sessionsErrors.InvalidRefreshToken('The request has several refresh cookies')
  return value
}

/** Returns the refresh token of the browser's session that a login replaces, or undefined if there is not exactly one. */
export function formerTokenOf(request: FastifyRequest): string | undefined {
  const [value, ...others] = refreshCookiesOf(request)
  return others.length > 0 ? undefined : value
}

/** Returns the values of all refresh cookies. A parser that returns an object would keep only one of several. */
function refreshCookiesOf({ headers }: FastifyRequest): string[] {
  return (headers.cookie ?? '').split(';').flatMap(pair => {
    const [name = '', ...value] = pair.split('=')
    return NAME.test(name) ? [value.join('=').trim()] : []
  })
}

/** A hook that refuses a refresh cookie without a CSRF token, before any query. Throws CsrfFailed. */
export function requireCsrfToken(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const isMissing = isByCookie(request) && !request.headers['x-csrf-token']
  done(isMissing ? new sessionsErrors.CsrfFailed() : undefined)
}

/** Returns whether the refresh token is in a cookie and not in the body. */
export function isByCookie(request: FastifyRequest): boolean {
  const { refreshToken } = request.body as { refreshToken?: string }
  return refreshToken === undefined && refreshCookiesOf(request).length > 0
}

/** Moves the refresh token to a cookie that expires with the session, and returns the body of the response. */
export function moveToCookie(reply: FastifyReply, { tokens, expiresAt, csrfToken }: Opened) {
  const { refreshToken, ...rest } = tokens
  reply.setCookie(REFRESH_COOKIE, refreshToken, { ...OPTIONS, expires: expiresAt })
  return { ...rest, ...(csrfToken !== null && { csrfToken }) }
}

/** Makes the browser delete the refresh cookie. */
export function clearCookies(reply: FastifyReply): void {
  reply.clearCookie(REFRESH_COOKIE, OPTIONS)
}
