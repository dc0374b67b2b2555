/** Waiting for what a busy machine does in its own time. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is true, or fails naming what was waited for. `within` is in milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, within = 10_000) {
  const deadline = performance.now() + within
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`)
    await sleep(20)
  }
}
