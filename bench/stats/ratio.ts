/** The ratio of two versions' figures: its estimate, its interval, and what it could have seen at all. */
import { bootstrapIntervals, type Interval } from './bootstrap.ts'
import { studentQuantile } from './student.ts'
import { mean, standardDeviation, trimmedMean } from './summary.ts'

export interface Ratio {
  /** Head over base. */
  estimate: number
  /** 95 %. */
  interval: Interval
  /**
   * Whether 1 lies outside the interval of 97.5 % (two figures of each scenario are judged: 95 % for both together) and
   * the estimate above the noise floor.
   */
  differs: boolean
  /** Two runs of the same code differ by less than this share, 95 times of 100. */
  noiseFloor: number
  /** A difference of this share would have been found 4 times of 5. */
  detectable: number
}

/** With fewer pairs the intervals would rest on nothing. */
const fewest = 3

const unknown: Interval = { low: Number.NaN, high: Number.NaN }

/**
 * Returns the ratio of head to base. Values are in the order of measurement. When they are paired, base and head 2k and
 * 2k + 1 were measured in one block A B B A: only differences within blocks count, and drifts of the machine cancel.
 * Undefined where there are too few.
 */
export function compareValues(
  base: readonly number[],
  head: readonly number[],
  isPaired: boolean,
): Ratio | undefined {
  const [logBase, logHead] = [base.map(Math.log), head.map(Math.log)]
  const differences = isPaired ? blockDifferences(logBase, logHead) : undefined
  const lists = differences ? [differences] : [logHead, logBase]
  if (lists.some(list => list.length < fewest || !list.every(Number.isFinite))) return undefined
  const statistic = ([first = [], second]: number[][]): number =>
    trimmedMean(first) - (second ? trimmedMean(second) : 0)
  const freedom = Math.min(...lists.map(list => list.length)) - 1
  const estimate = statistic(lists.map(list => [...list]))
  const [interval = unknown, strict = unknown] = bootstrapIntervals(lists, statistic, [0.95, 0.975])
  const noise = studentQuantile(0.975, freedom) * noiseOf(logBase, logHead)
  return {
    estimate: Math.exp(estimate),
    interval: exponential(interval),
    differs: (strict.low > 0 || strict.high < 0) && Math.abs(estimate) > noise,
    noiseFloor: Math.expm1(noise),
    detectable: Math.expm1(
      (studentQuantile(0.975, freedom) + studentQuantile(0.8, freedom)) * standardError(lists),
    ),
  }
}

/** One per block of four: the mean of its two heads over that of its two bases. */
function blockDifferences(logBase: readonly number[], logHead: readonly number[]): number[] {
  const blocks = Math.floor(Math.min(logBase.length, logHead.length) / 2)
  const pair = (values: readonly number[], block: number): number =>
    mean(values.slice(2 * block, 2 * block + 2))
  return Array.from({ length: blocks }, (_, block) => pair(logHead, block) - pair(logBase, block))
}

/**
 * The standard error that a comparison of these lengths has when nothing differs, from neighbouring rounds of the same
 * version: an A/A run inside every run.
 */
function noiseOf(logBase: readonly number[], logHead: readonly number[]): number {
  const steps = [...neighbourSteps(logBase), ...neighbourSteps(logHead)]
  const variance = mean(steps.map(step => step ** 2)) / 2
  return Math.sqrt(variance * (1 / logBase.length + 1 / logHead.length))
}

function neighbourSteps(values: readonly number[]): number[] {
  return Array.from(
    { length: Math.floor(values.length / 2) },
    (_, i) => (values[2 * i + 1] ?? 0) - (values[2 * i] ?? 0),
  )
}

function standardError(lists: readonly (readonly number[])[]): number {
  return Math.sqrt(lists.reduce((sum, list) => sum + standardDeviation(list) ** 2 / list.length, 0))
}

function exponential({ low, high }: Interval): Interval {
  return { low: Math.exp(low), high: Math.exp(high) }
}
