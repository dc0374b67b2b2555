/** The two ways in which the bench gives up with one line instead of a stack. */

/** Something the user asked for does not exist or makes no sense. */
export class UsageError extends Error {}

/** The measurement could not be made: the target is gone, or answers what it should not. */
export class RunError extends Error {}

/** Why a request was not answered, in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code: unknown = Reflect.get(error, 'code')
  // Where a name has two addresses the message is empty, and the code says it.
  return error.message || String(code)
}
