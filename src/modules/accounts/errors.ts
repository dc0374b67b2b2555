/** The errors of the accounts module. */
import createError from '@fastify/error'
import type { CodesOf } from '../../http/errors.ts'

export const accountsErrors = {
  WeakPassword: createError('WEAK_PASSWORD', 'The password is too easy to guess', 400),
  WrongPassword: createError('WRONG_PASSWORD', 'The current password is wrong', 403),
} as const

declare module '../../http/errors.ts' {
  interface ModuleErrorCodes extends CodesOf<typeof accountsErrors> {}
}
