/** The environment variables of the accounts module. */
import { type Static, Type } from '@sinclair/typebox'
import { Count } from '../../config/schema.ts'

export const AccountsSettings = Type.Object({
  HASH_CONCURRENCY: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 256,
      description:
        'Password hashes computed at once; one more than there are cores, 4 at most, shared among the workers. ' +
        'More of them need as many threads: raise UV_THREADPOOL_SIZE, which is 4, with it',
    }),
  ),
  HASH_QUEUE_MAX: Count('Password hashes that may wait for their turn before logins answer 503', 64, 0),
  REGISTER_RATE_LIMIT_MAX: Count('Registrations that one client may send in a window', 10),
})

export type AccountsSettings = Static<typeof AccountsSettings>
