/** The errors of the users module. */
import createError from '@fastify/error'
import type { CodesOf } from '../../http/errors.ts'

export const usersErrors = {
  LastAdmin: createError('LAST_ADMIN', 'At least one enabled admin must remain', 409),
  EmailTaken: createError('EMAIL_TAKEN', 'The e-mail address belongs to another account', 409),
} as const

declare module '../../http/errors.ts' {
  interface ModuleErrorCodes extends CodesOf<typeof usersErrors> {}
}
