/** A sweep on the terminal: its steps, with a bar for the latency of each, and what follows from them. */
import { errorsOf, wholeHistogram } from '../result/figures.ts'
import { percentileMs } from '../result/histogram.ts'
import type { Measurement, Sweep } from '../result/schema.ts'
import type { Coefficient, Fit } from '../stats/usl.ts'
import { doubtfulMiss, fitSweep } from '../sweep.ts'
import { failedLines, type LabelledRounds } from './caveats.ts'
import { formatMs, formatNumber, markdownTable } from './table.ts'
import { plural } from './text.ts'

const BAR_WIDTH = 24

const words = { late: 'missed', errors: 'errors', 'rate not reached': 'not reached' } as const

/** Returns the table of the steps, and the capacity or the law's coefficients under it. */
export function renderSweep(sweep: Sweep): string {
  const subject = sweep.subject === undefined ? '' : ` on ${sweep.subject}`
  const title = `${sweep.scenario}${subject} by ${sweep.by}:`
  if (sweep.steps.length === 0) return `${title}\n\nNothing was measured.`
  const percentile = sweep.slo?.percentile ?? 95
  const latencies = sweep.steps.map(step => percentileMs(wholeHistogram([step.measurement]), percentile))
  // Logarithmic, as latency near saturation is: 1 ms has one cell, every factor of 1.5 one more.
  const cells = latencies.map(ms =>
    Math.min(BAR_WIDTH, Math.max(1, Math.round(1 + Math.log(ms) / Math.log(1.5)))),
  )
  const unit = sweep.by === 'rate' ? '/s' : ' conn.'
  const rows = sweep.steps.map(({ level, measurement, ...step }, i) => [
    `${formatNumber(level)}${unit}`,
    `${formatNumber(measurement.rate)} rps`,
    formatMs(percentileMs(wholeHistogram([measurement]), 50)),
    formatMs(latencies[i] ?? 0),
    '▇'.repeat(cells[i] ?? 0).padEnd(BAR_WIDTH),
    wordFor({ ...step, measurement }),
  ])
  const head = ['Load', 'Throughput', 'p50', `p${percentile}`, '', sweep.by === 'rate' ? 'Objective' : '']
  return [title, '', markdownTable(head, rows), '', ...findings(sweep)].join('\n')
}

function wordFor({ kept, missed = 'late', measurement }: Omit<Sweep['steps'][number], 'level'>): string {
  if (measurement.void) return 'void'
  if (kept === undefined) return errorsOf(measurement) > 0 ? words.errors : ''
  return kept ? 'kept' : words[missed]
}

function findings(sweep: Sweep): string[] {
  const reasons = new Set(sweep.steps.flatMap(step => step.measurement.void ?? []))
  const voids = [...reasons].map(reason => `Void: ${reason}.`)
  const found = sweep.by === 'rate' ? capacityLines(sweep) : lawLines(fitSweep(sweep))
  return [...found, ...voids, ...failedLines(loadsOf(sweep))]
}

/** All loads of a sweep under names of their own. */
function loadsOf({ by, closed, steps }: Sweep): LabelledRounds[] {
  const loads = steps.map(({ level, measurement }) => ({
    label: by === 'rate' ? `${formatNumber(level)}/s` : plural(level, 'connection'),
    rounds: [measurement],
  }))
  return closed ? [{ label: 'closed loop', rounds: [closed] }, ...loads] : loads
}

/** What is known of the capacity. It is exact only where a rate above it was seen to miss the objective. */
function capacityLines(sweep: Sweep): string[] {
  const { steps, capacity, closed, slo } = sweep
  const objective = `p${slo?.percentile} ≤ ${slo?.ms} ms`
  const reached = closed && closedLine(closed, slo?.percentile ?? 95)
  const doubtful = doubtfulMiss(sweep)
  if (doubtful) {
    const miss = `${formatNumber(doubtful.level)}/s missed ${objective} each time it was tried`
    return [
      `Capacity: cannot tell. ${miss}, but the closed loop kept it at a higher rate.`,
      ...(reached ? [reached] : []),
    ]
  }
  const above = steps.find(step => step.level > (capacity ?? 0) && step.kept !== true)
  return [capacityLine(sweep, above, objective), ...(reached ? [reached] : [])]
}

function capacityLine(
  { capacity, slo }: Sweep,
  above: Sweep['steps'][number] | undefined,
  objective: string,
): string {
  const rate = above && `${formatNumber(above.level)}/s`
  if (capacity === undefined) {
    if (above === undefined) throw new Error('a step neither kept the objective nor did not')
    return above.measurement.void === undefined
      ? `No rate that was tried keeps ${objective}; ${rate} do not (${reasonOf(above, slo?.percentile ?? 95)}).`
      : `Capacity: cannot tell. The figures at ${rate}, the lowest rate tried, are void.`
  }
  const kept = `${formatNumber(capacity)} requests/s keep ${objective}`
  if (above === undefined) return `Capacity: at least ${kept}. No higher rate was tried.`
  if (above.measurement.void !== undefined) {
    return `Capacity: at least ${kept}. The figures at ${rate} are void each time it was tried.`
  }
  return `Capacity: ${kept}, ${rate} do not (${reasonOf(above, slo?.percentile ?? 95)}).`
}

function reasonOf({ missed = 'late', measurement }: Sweep['steps'][number], percentile: number): string {
  if (missed === 'errors') return plural(errorsOf(measurement), 'error')
  if (missed === 'rate not reached') return `only ${formatNumber(measurement.rate)} rps were reached`
  return `p${percentile} ${formatMs(percentileMs(wholeHistogram([measurement]), percentile))}`
}

function closedLine(closed: Measurement, percentile: number): string {
  const latency = formatMs(percentileMs(wholeHistogram([closed]), percentile))
  const mark = closed.void === undefined ? '' : `, void: ${closed.void}`
  return `A closed loop reached ${formatNumber(closed.rate)} rps with p${percentile} ${latency}${mark}.`
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
