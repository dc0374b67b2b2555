/** The schemas of requests and responses of accounts. */
import type { Static } from '@sinclair/typebox'
import { DisplayName, Email, NewPassword, Password, Strict } from '../../lib/schemas.ts'
import { User } from '../users/service.ts'

export const RegisterBody = Strict({ email: Email, password: NewPassword, displayName: DisplayName })
export const RegisterReply = Strict({ user: User })

export const PasswordBody = Strict({ currentPassword: Password, newPassword: NewPassword })

export type RegisterBody = Static<typeof RegisterBody>
export type PasswordBody = Static<typeof PasswordBody>
