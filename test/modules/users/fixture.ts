/** The users for tests over all routes. */
import type { ObjectFixture } from '../../helpers/fixtures.ts'

export const objects: readonly ObjectFixture[] = [
  { path: '/api/v1/users/{id}', create: async (_service, owner) => owner.id, sharedBy: ['GET'] },
]
