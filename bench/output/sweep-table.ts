/** A sweep on the terminal: its steps, with a bar for the latency of each, and what follows from them. */
import { wholeHistogram } from '../result/figures.ts'
import { percentileMs } from '../result/histogram.ts'
import type { Sweep } from '../result/schema.ts'
import type { Coefficient, Fit } from '../stats/usl.ts'
import { fitSweep } from '../sweep.ts'
import { formatMs, formatNumber, markdownTable } from './table.ts'

const barWidth = 24

/** Returns the table of the steps, and the capacity or the law's coefficients under it. */
export function renderSweep(sweep: Sweep): string {
  const percentile = sweep.slo?.percentile ?? 95
  const latencies = sweep.steps.map(step => percentileMs(wholeHistogram([step.measurement]), percentile))
  // Logarithmic, as latency near saturation is: 1 ms has one cell, every factor of 1.5 one more.
  const cells = latencies.map(ms =>
    Math.min(barWidth, Math.max(1, Math.round(1 + Math.log(ms) / Math.log(1.5)))),
  )
  const unit = sweep.by === 'rate' ? '/s' : ' conn.'
  const rows = sweep.steps.map(({ level, kept, measurement }, i) => [
    `${formatNumber(level)}${unit}`,
    `${formatNumber(measurement.rate)} rps`,
    formatMs(percentileMs(wholeHistogram([measurement]), 50)),
    formatMs(latencies[i] ?? 0),
    '▇'.repeat(cells[i] ?? 0).padEnd(barWidth),
    measurement.void ? 'void' : kept === undefined ? '' : kept ? 'kept' : 'missed',
  ])
  const table = markdownTable(['Load', 'Throughput', 'p50', `p${percentile}`, '', 'Objective'], rows)
  const subject = sweep.subject === undefined ? '' : ` on ${sweep.subject}`
  return [`${sweep.scenario}${subject} by ${sweep.by}:`, '', table, '', ...findings(sweep)].join('\n')
}

function findings(sweep: Sweep): string[] {
  const reasons = new Set(sweep.steps.flatMap(step => step.measurement.void ?? []))
  const voids = [...reasons].map(reason => `Void: ${reason}.`)
  return [...(sweep.by === 'rate' ? [capacityLine(sweep)] : lawLines(fitSweep(sweep))), ...voids]
}

function capacityLine({ capacity, slo }: Sweep): string {
  const objective = `p${slo?.percentile} ≤ ${slo?.ms} ms`
  return capacity === undefined
    ? `No rate that was tried keeps ${objective}.`
    : `Capacity: ${formatNumber(capacity)} requests/s keep ${objective}.`
}

function lawLines(fit: Fit | undefined): string[] {
  if (!fit) return ['Too few steps for a fit of the Universal Scalability Law.']
  const peak = Number.isFinite(fit.peak)
    ? `${formatNumber(fit.peak)} connections`
    : 'none: it only levels off'
  return [
    'Universal Scalability Law, X(N) = γN / (1 + α(N − 1) + βN(N − 1)), with 95 % intervals:',
    `  contention α ${interval(fit.alpha)}`,
    `  coherency  β ${interval(fit.beta)}`,
    `  one alone  γ ${interval(fit.gamma)} requests/s`,
    `  peak at ${peak}; points lie ${formatNumber(fit.residual)} requests/s about the curve.`,
  ]
}

function interval({ value, standardError, low, high }: Coefficient): string {
  if (standardError === 0) return `${formatNumber(value)} (held: the best fit is not above 0)`
  return `${formatNumber(value)} (${formatNumber(low)} to ${formatNumber(high)})`
}
