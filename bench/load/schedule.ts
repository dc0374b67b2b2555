/** When requests of an open loop are meant to leave, decided before the first one does. */
import { createRandom } from '../stats/random.ts'

export type Arrivals = 'constant' | 'poisson'

/**
 * Returns the intended instants of all requests, in ms from the start of the load, ascending and below `seconds`.
 * Poisson arrivals have exponential gaps with a mean of 1/rate: independent users. They live in shared memory, because
 * the pacing thread reads them too.
 */
export function createSchedule(
  rate: number,
  seconds: number,
  arrivals: Arrivals,
  seed: number,
): Float64Array<SharedArrayBuffer> {
  const horizon = seconds * 1000
  const random = createRandom(seed)
  const gap = 1000 / rate
  const instants: number[] = []
  if (arrivals === 'constant') {
    for (let i = 0; i * gap < horizon; i++) instants.push(i * gap)
  } else {
    for (let at = exponential(); at < horizon; at += exponential()) instants.push(at)
  }
  const shared = new Float64Array(new SharedArrayBuffer(instants.length * Float64Array.BYTES_PER_ELEMENT))
  shared.set(instants)
  return shared

  function exponential(): number {
    return -Math.log(1 - random()) * gap
  }
}
