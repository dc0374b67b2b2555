/** Work that several callers need and that must happen once. */

/** Returns a function that starts the work at its first call, and returns the same result at each. */
export function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined
  return () => {
    result ??= work()
    return result
  }
}
