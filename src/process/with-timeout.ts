/** Limits how long a promise is awaited, without counting delays of this process as delays of the other side. */

/**
 * Returns the result of `pending`, or rejects with the message `late` after so many milliseconds. Data that has arrived by
 * then is read first: where this process was blocked, the other side is not late. The timer does not keep the process alive.
 */
export function withTimeout<T>(milliseconds: number, pending: Promise<T>, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    // Timers may run before sockets that have become readable; setImmediate runs after them.
    const timer = setTimeout(() => setImmediate(reject, new Error(late)), milliseconds).unref()
    pending.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
