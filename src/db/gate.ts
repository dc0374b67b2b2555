/** A semaphore whose limit can change: it lets callers in, in the order in which they came. */

export type Gate = ReturnType<typeof createGate>

/** A gate for `max` callers at a time. */
export function createGate(max: number) {
  const waiting = new Set<() => void>()
  let limit = max
  let inside = 0

  function admit(): void {
    for (const enter of waiting) {
      if (inside >= limit) return
      waiting.delete(enter)
      inside += 1
      enter()
    }
  }

  /** Lets the caller in where there is room, and returns whether there was. */
  function tryEnter(): boolean {
    if (inside >= limit) return false
    inside += 1
    return true
  }

  /** Waits for room. Resolves with false where there was none for `timeout` milliseconds. */
  function enter(timeout: number): Promise<boolean> {
    if (tryEnter()) return Promise.resolve(true)
    return new Promise(resolve => {
      const turn = () => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        waiting.delete(turn)
        resolve(false)
      }, timeout).unref()
      waiting.add(turn)
    })
  }

  return {
    tryEnter,
    enter,
    /** Makes room for the next caller. Everyone who was let in has to leave once. */
    leave(): void {
      inside -= 1
      admit()
    },
    /** Changes how many may be in at a time. Those who are in stay. */
    setLimit(next: number): void {
      limit = next
      admit()
    },
    /** Returns how many wait. */
    waitingCount: () => waiting.size,
  }
}
