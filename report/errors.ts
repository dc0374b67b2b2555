/** What the report cannot go on after, in a sentence for a person. */

/** Something around the report is wrong: no repository, no such ref, a service that does not start. */
export class ReportError extends Error {
  override readonly name = 'ReportError'
}

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** An error's message, for a person; whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
