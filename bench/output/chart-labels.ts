/** What each chart of the page shows, in a sentence, for readers who do not see it. */
import type { ScenarioComparison } from '../compare.ts'
import { wholeHistogram } from '../result/figures.ts'
import { percentileMs } from '../result/histogram.ts'
import type { ScenarioResult, Sweep } from '../result/schema.ts'
import { median } from '../stats/summary.ts'
import { formatMs, formatNumber } from './table.ts'

/** Returns the p50 and the p99 of each scenario. */
export function percentileLabel(scenarios: readonly ScenarioResult[]): string {
  const lines = scenarios.map(({ name, rounds }) => {
    const histogram = wholeHistogram(rounds)
    return `${name} p50 ${formatMs(percentileMs(histogram, 50))}, p99 ${formatMs(percentileMs(histogram, 99))}`
  })
  return `latency by percentile: ${lines.join('; ')}`
}

/** Returns the median throughput of each scenario. */
export function timelineLabel(scenarios: readonly ScenarioResult[]): string {
  const lines = scenarios.map(
    ({ name, rounds }) =>
      `${name} ${formatNumber(median(rounds.map(({ rate }) => rate)))} per second in the median`,
  )
  return `responses per second over the time of the run: ${lines.join('; ')}`
}

/** Returns where a sweep begins and ends. */
export function sweepLabel({ by, steps }: Sweep): string {
  const [first, last] = [steps.at(0), steps.at(-1)]
  if (!first || !last) return `sweep by ${by}, without a step`
  const unit = by === 'rate' ? '/s' : ' connections'
  const ends = [first, last].map(
    ({ level, measurement }) =>
      `${formatNumber(measurement.rate)} responses per second at ${formatNumber(level)}${unit}`,
  )
  return `${by === 'rate' ? 'latency by throughput' : 'throughput by connections'}: ${ends.join(', ')}`
}

/** Returns the ratios and their intervals. */
export function ratioLabel(comparisons: readonly ScenarioComparison[]): string {
  const lines = comparisons.flatMap(({ scenario, metrics }) =>
    metrics.flatMap(({ metric, ratio }) =>
      ratio
        ? [
            `${scenario} ${metric} ${ratio.estimate.toFixed(3)} (${ratio.interval.low.toFixed(3)} to ${ratio.interval.high.toFixed(3)})`,
          ]
        : [],
    ),
  )
  return `ratios, second over first, with 95 % intervals: ${lines.join('; ')}`
}
