/** Comparing how long things take, on a machine that does other things too. */

export function median(samples: number[]): number {
  const sorted = samples.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Times each of `work` in turn, interleaved and in changing order, so that whatever slows the machine slows all of
 * them. Samples are pooled batch after batch until the medians lie within `share` of one another or `batches` are
 * done: noise shrinks as samples grow, and a difference that is real stays. Returns (largest − smallest) / smallest.
 */
export async function spreadOfMedians(
  work: (() => Promise<unknown>)[],
  { share, rounds, batches }: { share: number; rounds: number; batches: number },
): Promise<number> {
  const samples = work.map((): number[] => [])
  for (const run of [...work, ...work]) await run()
  let spread = Number.POSITIVE_INFINITY
  for (let batch = 0; batch < batches && spread > share; batch += 1) {
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < work.length; turn += 1) {
        const index = (round + turn) % work.length
        const start = performance.now()
        await work[index]?.()
        samples[index]?.push(performance.now() - start)
      }
    }
    const medians = samples.map(median)
    spread = Math.max(...medians) / Math.min(...medians) - 1
  }
  return spread
}
