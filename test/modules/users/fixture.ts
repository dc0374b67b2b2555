/** The users that tests over all routes need. */
import type { ObjectFixture } from '../../helpers/fixtures.ts'

export const objects: readonly ObjectFixture[] = [
  { path: '/api/v1/users/{id}', create: async (_service, owner) => owner.id, sharedBy: ['GET'] },
]
