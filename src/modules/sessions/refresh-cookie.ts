/** Browser mode: the refresh token in a cookie that scripts cannot read, and a CSRF token that other sites cannot. */
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { sessionsErrors } from './errors.ts'

/**
 * `__Host-` keeps sibling subdomains from setting the cookie (RFC 6265bis §4.1.3.2): they could sign a browser in to a
 * session of theirs. The prefix asks for the path `/`, so that same-origin pages send the cookie with every request.
 */
const REFRESH_COOKIE = '__Host-refresh'

/**
 * The name with the spaces and tabs that may stand around it (RFC 6265bis §5.6). Not what `trim` leaves of a name: U+00A0
 * is a space to it, but not to a browser, which sees no `__Host-` behind one and lets any subdomain set the cookie.
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

export const refreshCookies = fp(
  async (app: FastifyInstance) => {
    await app.register(cookie)
  },
  { name: 'refresh-cookies' },
)

/** Where the refresh token of a request is, and what proves that a page of ours sent it. */
export type Presented = {
  token: string
  /** The CSRF token; undefined where the refresh token is in the body, which no other site can make a browser send. */
  csrfToken: string | undefined
}

/**
 * The refresh token of a request: of its body, or else of its cookie, with the CSRF token that must come with it.
 * Throws InvalidRefreshToken where there is none, or where several cookies of the name make it doubtful whose it is.
 */
export function presentedBy(request: FastifyRequest<{ Body: { refreshToken?: string } }>): Presented {
  const { refreshToken } = request.body
  if (refreshToken !== undefined) return { token: refreshToken, csrfToken: undefined }
  const token = cookieTokenOf(request)
  if (token === undefined) throw new sessionsErrors.InvalidRefreshToken()
  return { token, csrfToken: String(request.headers['x-csrf-token'] ?? '') }
}

/** The refresh token of a request's cookie; undefined where there is none. Throws InvalidRefreshToken where there are several. */
export function cookieTokenOf(request: FastifyRequest): string | undefined {
  const [value, ...others] = refreshCookiesOf(request)
  if (others.length > 0)
    throw new sessionsErrors.InvalidRefreshToken('The request has several refresh cookies')
  return value
}

/** The refresh token of the browser's session so far, which a login replaces. */
export function formerTokenOf(request: FastifyRequest): string | undefined {
  const [value, ...others] = refreshCookiesOf(request)
  return others.length > 0 ? undefined : value
}

/** Read from the header itself: a parser that returns a record keeps one of several cookies with the same name. */
function refreshCookiesOf({ headers }: FastifyRequest): string[] {
  return (headers.cookie ?? '').split(';').flatMap(pair => {
    const [name = '', ...value] = pair.split('=')
    return NAME.test(name) ? [value.join('=').trim()] : []
  })
}

/** A hook: where the browser sends the refresh token by itself, a request without a CSRF token costs no query. */
export function requireCsrfToken(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const isMissing = isByCookie(request) && !request.headers['x-csrf-token']
  done(isMissing ? new sessionsErrors.CsrfFailed() : undefined)
}

/** Whether the browser sent the refresh token, and the body holds none. */
export function isByCookie(request: FastifyRequest): boolean {
  const { refreshToken } = request.body as { refreshToken?: string }
  return refreshToken === undefined && refreshCookiesOf(request).length > 0
}

/** The reply's body in browser mode: the refresh token moves to a cookie that ends with the session. */
export function moveToCookie(reply: FastifyReply, { tokens, expiresAt, csrfToken }: Opened) {
  const { refreshToken, ...rest } = tokens
  reply.setCookie(REFRESH_COOKIE, refreshToken, { ...OPTIONS, expires: expiresAt })
  return { ...rest, ...(csrfToken !== null && { csrfToken }) }
}

export function clearCookies(reply: FastifyReply): void {
  reply.clearCookie(REFRESH_COOKIE, OPTIONS)
}
