/** The sessions for tests over all routes. */
import type { ObjectFixture } from '../../helpers/fixtures.ts'
import { claimsOf } from '../../helpers/tokens.ts'

export const objects: readonly ObjectFixture[] = [
  {
    path: '/api/v1/auth/sessions/{id}',
    create: async (service, owner) => claimsOf((await service.logIn(owner.email)).accessToken).sid,
  },
]
