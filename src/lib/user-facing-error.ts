/** Errors for a person at a terminal: the message alone says what is wrong and what to do. */

export class UserFacingError extends Error {
  override readonly name: string = 'UserFacingError'
}

/** What to print of an error: the message of a plain one, all that is known of any other. */
export function explain(error: unknown): string {
  if (error instanceof UserFacingError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
