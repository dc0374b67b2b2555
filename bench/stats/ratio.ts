/** The ratio of two versions' figures: its estimate, its interval, and what it could have seen at all. */
import { bootstrapIntervals, type Interval } from './bootstrap.ts'
import { studentQuantile } from './student.ts'
import { median, trimmedMean } from './summary.ts'

export interface Ratio {
  /** Head over base. */
  estimate: number
  /** 95 %, of the versions, not only of the processes that were measured. */
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

/**
 * How far two processes of the same code are apart for as long as they are measured, as a standard deviation of each, in
 * throughput and in CPU per request: in 20 comparisons of a version with itself (GET /users/:id, new processes each time)
 * the ratios scattered by 1.6 %, where the noise of their rounds gives 1.0 %. Heaps do not grow alike, and more rounds do
 * not average that away.
 */
const processSpread = 0.0085

/** Of the interval that is shown, and of the one that a verdict rests on, with the normal quantile of each. */
const levels = [0.95, 0.975]
const quantiles = [1.96, 2.241]

/** Of a normal sample, the median of the absolute values is this share of the standard deviation. */
const medianOfNormal = 0.6745

const unknown: Interval = { low: Number.NaN, high: Number.NaN }

/**
 * Returns the ratio of head to base. Values are in the order of measurement. When they are paired, base and head k were
 * measured one after the other, in turns A B and B A: only differences within pairs count, and drifts of the machine
 * cancel. Pairs are trimmed one by one, as a window with a large collection of garbage stands alone: of the blocks A B B A
 * as wholes the trimmed mean varies half as much again. Undefined where there are too few
 * values.
 */
export function compareValues(
  base: readonly number[],
  head: readonly number[],
  isPaired: boolean,
): Ratio | undefined {
  const [logBase, logHead] = [base.map(Math.log), head.map(Math.log)]
  const lists = isPaired ? [pairDifferences(logBase, logHead)] : [logHead, logBase]
  if (lists.some(list => list.length < fewest || !list.every(Number.isFinite))) return undefined
  const statistic = ([first = [], second]: number[][]): number =>
    trimmedMean(first) - (second ? trimmedMean(second) : 0)
  const freedom = Math.min(...lists.map(list => list.length)) - 1
  const estimate = statistic(lists.map(list => [...list]))
  const spread = processSpread * Math.SQRT2
  const [interval = unknown, strict = unknown] = bootstrapIntervals(lists, statistic, levels).map(
    (ofRounds, i) => widen(ofRounds, estimate, (quantiles[i] ?? Number.NaN) * spread),
  )
  const t = studentQuantile(0.975, freedom)
  const noise = t * Math.hypot(noiseOf(logBase, logHead), spread)
  const standardError = (interval.high - interval.low) / 2 / t
  return {
    estimate: Math.exp(estimate),
    interval: exponential(interval),
    differs: (strict.low > 0 || strict.high < 0) && Math.abs(estimate) > noise,
    noiseFloor: Math.expm1(noise),
    detectable: Math.expm1((t + studentQuantile(0.8, freedom)) * standardError),
  }
}

/** Adds what parts processes, `by`, to what parts rounds: independent errors add in squares. */
function widen({ low, high }: Interval, estimate: number, by: number): Interval {
  return { low: estimate - Math.hypot(estimate - low, by), high: estimate + Math.hypot(high - estimate, by) }
}

function pairDifferences(logBase: readonly number[], logHead: readonly number[]): number[] {
  const pairs = Math.min(logBase.length, logHead.length)
  return Array.from({ length: pairs }, (_, k) => (logHead[k] ?? 0) - (logBase[k] ?? 0))
}

/**
 * The standard error that a comparison of these lengths has when nothing differs, from neighbouring rounds of the same
 * version: an A/A run inside every run.
 */
function noiseOf(logBase: readonly number[], logHead: readonly number[]): number {
  const steps = [...neighbourSteps(logBase), ...neighbourSteps(logHead)]
  // By their median: the few steps over a large collection of garbage are trimmed from the estimate, too.
  const deviation = median(steps.map(Math.abs)) / medianOfNormal / Math.SQRT2
  return deviation * Math.sqrt(1 / logBase.length + 1 / logHead.length)
}

function neighbourSteps(values: readonly number[]): number[] {
  return Array.from(
    { length: Math.floor(values.length / 2) },
    (_, i) => (values[2 * i + 1] ?? 0) - (values[2 * i] ?? 0),
  )
}

function exponential({ low, high }: Interval): Interval {
  return { low: Math.exp(low), high: Math.exp(high) }
}
