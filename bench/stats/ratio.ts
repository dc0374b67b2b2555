/** The ratio of two versions' figures: its estimate, its interval, and the smallest change that it can detect. */
import { bootstrapIntervals, type Interval } from './bootstrap.ts'
import { studentQuantile } from './student.ts'
import { mean, median, sumOf, trimmedMean } from './summary.ts'

export type Ratio = {
  /** Head over base. */
  estimate: number
  /** 95 %, of the versions, not only of the processes that were measured. */
  interval: Interval
  /**
   * Whether 1 lies outside the interval of 99 % (two figures of each scenario are judged: 98 % for both together) and the
   * estimate above the noise floor.
   */
  differs: boolean
  /** Two runs of the same code differ by less than this share, 95 times of 100. */
  noiseFloor: number
  /** A difference of this share would have been found 4 times of 5. */
  detectable: number
}

/** With fewer pairs the intervals would rest on nothing. */
const FEWEST = 3

/**
 * How far two processes of the same code are apart for as long as they are measured, as a standard deviation of each, in
 * throughput and in CPU per request: in 20 comparisons of a version with itself (GET /users/:id, new processes each time)
 * the ratios scattered by 1.6 %, where the noise of their rounds gives 1.0 %. Heaps do not grow in the same way, and more rounds do
 * not average that away; more processes do.
 */
const PROCESS_SPREAD = 0.0085

/**
 * What that figure is worth, in degrees of freedom: less than the 19 of its 20 comparisons, as another 20 had two in which
 * the processes were 6 and 9 % apart.
 */
const PRIOR_FREEDOM = 8

/** Of the interval that is shown, and of the one that a verdict rests on. */
const LEVELS = [0.95, 0.99]

/** Of a normal sample, the median of the absolute values is this share of the standard deviation. */
const MEDIAN_OF_NORMAL = 0.6745

const unknown: Interval = { low: Number.NaN, high: Number.NaN }

/**
 * Returns the ratio of head to base. Values are in the order of measurement. With `forks` they are paired: base and head k
 * were measured side by side, on the pair of processes that the k-th of `forks` names. Only differences within pairs count,
 * and drifts of the machine cancel. They are trimmed, as a window with a large collection of garbage takes a tenth longer.
 * Undefined where there are too few values.
 */
export function compareValues(
  base: readonly number[],
  head: readonly number[],
  forks?: readonly number[],
): Ratio | undefined {
  const [logBase, logHead] = [base.map(Math.log), head.map(Math.log)]
  const lists = forks ? [pairDifferences(logBase, logHead)] : [logHead, logBase]
  if (lists.some(list => list.length < FEWEST || !list.every(Number.isFinite))) return undefined
  const statistic = ([first = [], second]: number[][]): number =>
    trimmedMean(first) - (second ? trimmedMean(second) : 0)
  const freedom = Math.min(...lists.map(list => list.length)) - 1
  const estimate = statistic(lists.map(list => [...list]))
  const processes = errorOfProcesses(forks ? meansByFork(lists[0] ?? [], forks) : [estimate])
  const [interval = unknown, strict = unknown] = bootstrapIntervals(lists, statistic, LEVELS).map(
    (ofRounds, i) =>
      widen(
        ofRounds,
        estimate,
        studentQuantile((1 + (LEVELS[i] ?? Number.NaN)) / 2, processes.freedom) * processes.error,
      ),
  )
  const t = studentQuantile(0.975, freedom)
  const noise = t * Math.hypot(errorOfRounds(lists), processes.error)
  const halfWidth = ({ low, high }: Interval): number => (high - low) / 2
  return {
    estimate: Math.exp(estimate),
    interval: exponential(interval),
    differs: (strict.low > 0 || strict.high < 0) && Math.abs(estimate) > noise,
    noiseFloor: Math.expm1(noise),
    detectable: Math.expm1(halfWidth(strict) + (studentQuantile(0.8, freedom) * halfWidth(interval)) / t),
  }
}

/**
 * Returns the standard error that processes give the mean of these, one for each pair of them. A variance of a few is worth
 * little, so it is added to the one that is known of other pairs, each with the weight of its degrees of freedom: the
 * moderated t-statistic of Smyth, "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3 (2004), § 4.
 */
function errorOfProcesses(means: readonly number[]): { error: number; freedom: number } {
  const centre = mean(means)
  const own = sumOf(means.map(value => (value - centre) ** 2))
  const freedom = PRIOR_FREEDOM + means.length - 1
  const variance = (PRIOR_FREEDOM * 2 * PROCESS_SPREAD ** 2 + own) / freedom
  return { error: Math.sqrt(variance / means.length), freedom }
}

function meansByFork(differences: readonly number[], forks: readonly number[]): number[] {
  const byFork = Map.groupBy(differences.keys(), k => forks[k])
  return [...byFork.values()].map(keys => trimmedMean(keys.map(k => differences[k] ?? Number.NaN)))
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
 * The standard error that a comparison of these lists has when nothing differs, from the steps between neighbours: by their
 * median, as the few over a large collection of garbage are trimmed from the estimate, too.
 */
function errorOfRounds(lists: readonly (readonly number[])[]): number {
  const steps = lists.flatMap(list => list.slice(1).map((value, i) => Math.abs(value - (list[i] ?? 0))))
  const deviation = median(steps) / MEDIAN_OF_NORMAL / Math.SQRT2
  return deviation * Math.sqrt(sumOf(lists.map(list => 1 / list.length)))
}

function exponential({ low, high }: Interval): Interval {
  return { low: Math.exp(low), high: Math.exp(high) }
}
