/** Sessions that never end. */
import type { Revocations } from '../../../src/modules/sessions/revocations.ts'

export function createRevocations(): Revocations {
  return {
    open: async () => {},
    isRevoked: () => false,
    add: () => {},
    isCurrent: () => true,
    close: async () => {},
  }
}
