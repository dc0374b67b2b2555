/** The environment variables of the accounts module. */
import { type Static, Type } from '@sinclair/typebox'
import { Count } from '../../config/schema.ts'

export const AccountsSettings = Type.Object({
  HASH_CONCURRENCY: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 256,
      description:
        'Password hashes computed at the same time; default: one more than there are cores, at most 4, divided among ' +
        'the workers. For more than 4, raise UV_THREADPOOL_SIZE too: each hash needs a thread',
    }),
  ),
  HASH_QUEUE_MAX: Count('Password hashes that may wait; beyond that, a login gets 503', 64, 0),
  REGISTER_RATE_LIMIT_MAX: Count('Registrations that one client may send in a window', 10),
})

export type AccountsSettings = Static<typeof AccountsSettings>
