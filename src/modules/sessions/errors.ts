/** The errors of the sessions module. */
import createError from '@fastify/error'
import type { CodesOf } from '../../http/errors.ts'

export const sessionsErrors = {
  InvalidCredentials: createError('INVALID_CREDENTIALS', 'E-mail or password is wrong', 401),
  InvalidRefreshToken: createError('INVALID_REFRESH_TOKEN', 'The refresh token is not valid', 401),
  CsrfFailed: createError('CSRF_FAILED', 'The CSRF token is missing or wrong', 403),
} as const

declare module '../../http/errors.ts' {
  interface ModuleErrorCodes extends CodesOf<typeof sessionsErrors> {}
}
