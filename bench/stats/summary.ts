/** Summaries of a handful of numbers. */

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** Returns the mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return sumOf(values) / values.length
}

/** Returns the standard deviation of a sample (divided by n − 1). */
export function standardDeviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(sumOf(values.map(value => (value - centre) ** 2)) / (values.length - 1))
}

/**
 * Returns the quantile `p` (0 to 1) by linear interpolation between order statistics: type 7 of Hyndman & Fan (1996),
 * the one R and NumPy use by default. NaN of nothing.
 */
export function quantile(values: readonly number[], p: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), p)
}

/** The same of values that are in order already. */
export function sortedQuantile(sorted: Float64Array, p: number): number {
  const at = (sorted.length - 1) * Math.min(1, Math.max(0, p))
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * Returns the mean of what is left when `share` of the values is cut off at each end: of a clean sample nearly as sharp
 * as the mean, and unmoved by the few rounds in which the machine did something else.
 */
export function trimmedMean(values: readonly number[], share = 0.2): number {
  const cut = Math.floor(values.length * share)
  return mean([
    ...Float64Array.from(values)
      .sort()
      .subarray(cut, values.length - cut),
  ])
}
