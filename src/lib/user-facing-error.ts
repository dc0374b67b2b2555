/** Errors for a person at a terminal: the message says what is wrong and what to do. */

export class UserFacingError extends Error {
  override readonly name: string = 'UserFacingError'
}

/** Returns what to print of an error: the message of a user-facing one, the stack of any other. */
export function explain(error: unknown): string {
  if (error instanceof UserFacingError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
