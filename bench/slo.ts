/** A service level objective: the latency that a share of the requests must not exceed. */
import { UsageError } from '../harness/errors.ts'
import { errorsOf, wholeHistogram } from './result/figures.ts'
import { percentileMs } from './result/histogram.ts'
import type { Measurement } from './result/schema.ts'

export type Slo = {
  /** 0 to 100. */
  percentile: number
  ms: number
}

/** What a load says about an objective. A void load says nothing. */
export type SloVerdict = 'kept' | 'late' | 'errors' | 'rate not reached' | 'void'

/**
 * Of a window, mean latencies count up to this share: where a server falls behind, requests wait longer and longer, and a
 * mean of half the window comes from a rate of twice what it serves as well as from a slow server.
 */
const LONGEST_MEAN = 0.3

/** A generator may be short of so much of what it was asked for. */
const TOLERANCE = 0.01

/** Returns the objective that `p95=35ms` or `p99.9=0.5s` states; throws a UsageError otherwise. */
export function parseSlo(text: string): Slo {
  const match = /^p(\d{1,2}(?:\.\d+)?)=(\d+(?:\.\d+)?)(ms|s)$/.exec(text)
  if (!match) throw new UsageError(`--slo takes something like p95=35ms, not "${text}"`)
  const [, percentile, amount, unit] = match
  return { percentile: Number(percentile), ms: Number(amount) * (unit === 's' ? 1000 : 1) }
}

/** Returns whether a load kept the objective, and if not, the first reason: errors, its latency, or its rate. */
export function judgeSlo(measurement: Measurement, slo: Slo): SloVerdict {
  if (measurement.void !== undefined) return 'void'
  if (errorsOf(measurement) > 0) return 'errors'
  const histogram = wholeHistogram([measurement])
  const isLate = percentileMs(histogram, slo.percentile) > slo.ms
  if (isLate) return 'late'
  return isReached(measurement, histogram.mean / 1e6) ? 'kept' : 'rate not reached'
}

/**
 * Returns whether no more responses are missing from the window than a server that keeps up has under way when it shuts:
 * rate × mean latency by Little's law, less those to requests of the warm-up, and two standard deviations of such a count.
 * One that falls behind misses twice that.
 */
function isReached(measurement: Measurement, meanSeconds: number): boolean {
  const { rate, intendedRate = rate, warmupSeconds = 0, seconds } = measurement
  const missing = (intendedRate - rate) * seconds
  const mean = Math.min(meanSeconds, LONGEST_MEAN * seconds)
  const underWay = intendedRate * Math.max(0, mean - warmupSeconds)
  const chance = 2 * Math.sqrt(intendedRate * mean)
  return missing <= underWay + chance + 1 + TOLERANCE * intendedRate * seconds
}
