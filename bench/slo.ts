/** A service level objective: the latency that a share of the requests must not exceed. */
import { UsageError } from './errors.ts'
import { errorsOf, wholeHistogram } from './result/figures.ts'
import { percentileMs } from './result/histogram.ts'
import type { Measurement } from './result/schema.ts'

export interface Slo {
  /** 0 to 100. */
  percentile: number
  ms: number
}

/** What a load says about an objective. A void load says nothing. */
export type SloVerdict = 'kept' | 'late' | 'errors' | 'rate not reached' | 'void'

// Responses that are still out when the window shuts make up for less than this.
const keepsUpFrom = 0.95

/** Returns the objective that `p95=35ms` or `p99.9=0.5s` states; throws a UsageError otherwise. */
export function parseSlo(text: string): Slo {
  const match = /^p(\d{1,2}(?:\.\d+)?)=(\d+(?:\.\d+)?)(ms|s)$/.exec(text)
  if (!match) throw new UsageError(`--slo takes something like p95=35ms, not "${text}"`)
  const [, percentile, amount, unit] = match
  return { percentile: Number(percentile), ms: Number(amount) * (unit === 's' ? 1000 : 1) }
}

/** Returns whether a load kept the objective, and if not, the first reason: errors, its latency, or its rate. */
export function judgeSlo(measurement: Measurement, slo: Slo): SloVerdict {
  const { rate, intendedRate = rate } = measurement
  if (measurement.void !== undefined) return 'void'
  if (errorsOf(measurement) > 0) return 'errors'
  const isLate = percentileMs(wholeHistogram([measurement]), slo.percentile) > slo.ms
  if (isLate) return 'late'
  return rate < intendedRate * keepsUpFrom ? 'rate not reached' : 'kept'
}
