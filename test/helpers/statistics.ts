/** Compares durations on a machine that has other load. */

export function median(samples: number[]): number {
  const sorted = samples.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Times each of `work` in turn, interleaved and in changing order, so that other load of the machine slows all of
 * them. The medians are of the quieter half of the rounds: a round is judged by its total, in which all of `work`
 * has the same part, so that a difference between them stays. Rounds are pooled batch after batch until the medians
 * lie within `share` of one another or `batches` are done: noise shrinks as they grow, and a difference that is real
 * does not. Returns (largest − smallest) / smallest.
 */
export async function spreadOfMedians(
  work: (() => Promise<unknown>)[],
  { share, rounds, batches }: { share: number; rounds: number; batches: number },
): Promise<number> {
  for (const run of [...work, ...work]) await run()
  const measured: number[][] = []
  let spread = Number.POSITIVE_INFINITY
  for (let batch = 0; batch < batches && spread > share; batch += 1) {
    for (let round = 0; round < rounds; round += 1) measured.push(await timeRound(work, round))
    const quiet = measured.toSorted((left, right) => sum(left) - sum(right)).slice(0, measured.length >> 1)
    const medians = work.map((_, index) => median(quiet.map(times => times[index] ?? Number.NaN)))
    spread = Math.max(...medians) / Math.min(...medians) - 1
  }
  return spread
}

/** How long each of `work` took, in milliseconds; begins with another one in every round. */
async function timeRound(work: (() => Promise<unknown>)[], round: number): Promise<number[]> {
  const times: number[] = Array(work.length).fill(Number.NaN)
  for (let turn = 0; turn < work.length; turn += 1) {
    const index = (round + turn) % work.length
    const start = performance.now()
    await work[index]?.()
    times[index] = performance.now() - start
  }
  return times
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
