/** Waits for a condition, since a busy machine takes longer than an idle one. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until `holds` is true. Throws an error with `what` after `within` milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, within = 10_000) {
  const deadline = performance.now() + within
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`)
    await sleep(20)
  }
}
