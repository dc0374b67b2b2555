/** One clock for all threads and processes of a run: the machine's monotonic time. */

// performance.now() counts from the birth of each thread; the offset makes its readings comparable between them.
// The largest of many readings is the one with the shortest time between its two clocks: the very first takes 0.7 ms.
const offset = Math.max(
  ...Array.from({ length: 50 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()),
)

/** Milliseconds, with microseconds behind the point, on a clock that all processes of this machine share. */
export function now(): number {
  return performance.now() + offset
}

/** Resolves after `ms`, or earlier when `signal` fires; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.max(0, ms))
    signal?.addEventListener('abort', done)
  })
}
