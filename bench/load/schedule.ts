/** The instants at which an open loop sends its requests, decided before the first one. */
import { createRandom } from '../stats/random.ts'
import { sumOf } from '../stats/summary.ts'

export type Arrivals = 'constant' | 'poisson'

/**
 * Returns the intended instants of all requests, in ms from the start of the load, ascending; `parts` are the seconds of its
 * warm-up and of its window. Poisson arrivals are independent users: of a Poisson process of which the number of arrivals is
 * known, they are uniform. That number is what was asked for in each part: by chance, a window of 100 would be short of
 * them by 5 % in one of three, and the server would seem not to keep up. They live in shared memory, because the pacing
 * thread reads them too.
 */
export function createSchedule(
  rate: number,
  parts: readonly number[],
  arrivals: Arrivals,
  seed: number,
): Float64Array<SharedArrayBuffer> {
  const instants = arrivals === 'constant' ? evenly(rate, sumOf(parts)) : byChance(rate, parts, seed)
  const shared = new Float64Array(new SharedArrayBuffer(instants.length * Float64Array.BYTES_PER_ELEMENT))
  shared.set(instants)
  return shared
}

function evenly(rate: number, seconds: number): number[] {
  const instants: number[] = []
  const gap = 1000 / rate
  for (let i = 0; i * gap < seconds * 1000; i++) instants.push(i * gap)
  return instants
}

function byChance(rate: number, parts: readonly number[], seed: number): number[] {
  const random = createRandom(seed)
  let from = 0
  return parts.flatMap(seconds => {
    const begin = from
    from += seconds * 1000
    const count = seconds > 0 ? Math.max(1, Math.round(rate * seconds)) : 0
    return Array.from({ length: count }, () => begin + random() * seconds * 1000).sort((a, b) => a - b)
  })
}
