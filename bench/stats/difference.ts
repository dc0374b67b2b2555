/** The difference between two lists of figures that were measured in turns: in their own unit, with an interval. */
import { bootstrapIntervals, type Interval } from './bootstrap.ts'
import { mean, trimmedMean } from './summary.ts'

export type Difference = {
  estimate: number
  /** 95 %. */
  interval: Interval
}

/** With fewer blocks the intervals would rest on nothing. */
const FEWEST = 3

/**
 * Returns a less b, block by block: values 2k and 2k + 1 of both were measured in one block. A block with a value that
 * is missing has no difference.
 */
export function blockDifferences(
  a: readonly (number | undefined)[],
  b: readonly (number | undefined)[],
): (number | undefined)[] {
  const blocks = Math.floor(Math.min(a.length, b.length) / 2)
  return Array.from({ length: blocks }, (_, block) => {
    const [ours, theirs] = [a, b].map(values => values.slice(2 * block, 2 * block + 2))
    const known = [...(ours ?? []), ...(theirs ?? [])].filter(value => value !== undefined)
    return known.length === 4 ? mean(known.slice(0, 2)) - mean(known.slice(2)) : undefined
  })
}

/** Returns the sum of several lists of differences, block by block; a block that one of them lacks has none. */
export function sumDifferences(lists: readonly (number | undefined)[][]): (number | undefined)[] {
  const [first = []] = lists
  return first.map((_, block) =>
    lists.reduce<number | undefined>((sum, list) => {
      const value = list[block]
      return sum === undefined || value === undefined ? undefined : sum + value
    }, 0),
  )
}

/** Returns the mean of the differences, less the farthest of them, with its interval; undefined of too few. */
export function summarizeDifferences(differences: readonly (number | undefined)[]): Difference | undefined {
  const known = differences.filter(value => value !== undefined)
  if (known.length < FEWEST) return undefined
  const statistic = ([values = []]: number[][]): number => trimmedMean(values)
  const [interval] = bootstrapIntervals([known], statistic, [0.95])
  return interval && { estimate: trimmedMean(known), interval }
}
