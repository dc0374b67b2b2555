/** What a check throws that cannot decide, and the message of anything that was thrown. */

/** A check cannot decide. The message gives the reason. */
export class NotVerified extends Error {
  override readonly name = 'NotVerified'
}

/** Returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
