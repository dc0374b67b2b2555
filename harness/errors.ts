/** The errors that end a command with one line instead of a stack trace. */

/** The user asked for something that does not exist or makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The work cannot be done: a process does not start, a target is gone, a response is not what it should be. */
export class RunError extends Error {
  override readonly name = 'RunError'
}

/** Returns why a request got no response, in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code: unknown = Reflect.get(error, 'code')
  // Where a name has two addresses, the message is empty and the code says it.
  return error.message || String(code)
}
