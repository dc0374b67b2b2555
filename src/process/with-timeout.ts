/** Waits for an answer no longer than is good, and never blames the other side for this process's own delays. */

/**
 * What `pending` comes to, or a rejection that says `late` after so many milliseconds. What has arrived by then is read
 * before it judges: where this process stood still meanwhile, the other side is not the one that is late. The wait
 * alone keeps no process alive.
 */
export function withTimeout<T>(milliseconds: number, pending: Promise<T>, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    // Timers may run before the sockets that became readable meanwhile; setImmediate comes after these.
    const timer = setTimeout(() => setImmediate(reject, new Error(late)), milliseconds).unref()
    pending.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
