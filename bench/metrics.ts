/** The figures of a round by which two subjects are compared, and which of them are judged. */
import { wholeHistogram } from './result/figures.ts'
import { percentileMs } from './result/histogram.ts'
import type { Measurement } from './result/schema.ts'

export type Metric = {
  name: string
  lowerIsBetter: boolean
  read: (round: Measurement) => number | undefined
  /** In which loop a verdict may rest on it. */
  judgedIn: 'closed' | 'open' | 'both' | 'none'
}

const throughput: Metric = {
  name: 'throughput',
  lowerIsBetter: false,
  judgedIn: 'closed',
  read: round => round.rate,
}
const CPU_PER_REQUEST: Metric = {
  name: 'CPU/request',
  lowerIsBetter: true,
  judgedIn: 'both',
  read: round => round.server?.cpuUsPerRequest,
}
const MEAN_LATENCY: Metric = {
  name: 'mean latency',
  lowerIsBetter: true,
  judgedIn: 'open',
  read: round => wholeHistogram([round]).mean / 1000,
}

function percentile(share: number): Metric {
  return {
    name: `p${share}`,
    lowerIsBetter: true,
    judgedIn: 'none',
    read: round => percentileMs(wholeHistogram([round]), share),
  }
}

/**
 * Of two versions. In a closed loop latency is connections / throughput, so only one of the two is judged; in an open loop
 * the throughput is what was asked for. A p95 is shown and not judged: it is the same again with more noise.
 */
export const VERSION_METRICS = [throughput, CPU_PER_REQUEST, MEAN_LATENCY, percentile(95)]

/** Of subjects that differ in more than a commit: nothing is judged, all is shown. */
export const GROUP_METRICS = [throughput, CPU_PER_REQUEST, percentile(50), percentile(99)]
