/** Counts responses by route, and failures by what came instead. */

export type Failure = {
  route: string
  /** The status and code that came, or why no response did. */
  outcome: string
  count: number
  /** Seconds from the beginning of the migrations to the first of them; negative before. */
  firstAt: number
}

export type Route = { route: string; requests: number; failed: number; longestMs: number }

export type Tally = ReturnType<typeof createTally>

/** Returns the counters. Times are of `performance.now()`. */
export function createTally() {
  const routes = new Map<string, Route>()
  const failures = new Map<string, Failure>()
  let origin = Number.POSITIVE_INFINITY

  return {
    /** Notes that the migrations begin. */
    beginMigrations(): void {
      origin = performance.now()
    },
    /** Counts a response that took so many milliseconds; `outcome` is what came where another was expected. */
    add(route: string, milliseconds: number, outcome?: string): void {
      const row = routes.get(route) ?? { route, requests: 0, failed: 0, longestMs: 0 }
      routes.set(route, row)
      row.requests += 1
      row.longestMs = Math.max(row.longestMs, milliseconds)
      if (outcome === undefined) return
      row.failed += 1
      const key = `${route} ${outcome}`
      const firstAt = (performance.now() - origin) / 1000
      const failure = failures.get(key) ?? { route, outcome, count: 0, firstAt }
      failures.set(key, { ...failure, count: failure.count + 1 })
    },
    routes: (): Route[] => [...routes.values()],
    failures: (): Failure[] => [...failures.values()],
  }
}
