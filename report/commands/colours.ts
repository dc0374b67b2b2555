/** Decides whether output may have colours. */

/** Returns whether the stream is a terminal and the user has not turned colours off (no-color.org). */
export function hasColours(
  stream: { isTTY?: boolean },
  { NO_COLOR, TERM }: NodeJS.ProcessEnv = process.env,
): boolean {
  // no-color.org: an empty value does not turn colours off.
  return stream.isTTY === true && (NO_COLOR ?? '') === '' && TERM !== 'dumb'
}
