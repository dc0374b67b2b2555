/** Jobs for the load generator with the defaults of the tests. */
import type { ClosedJob, OpenJob } from '../../load/protocol.ts'
import { wholeHistogram } from '../../result/figures.ts'
import { percentileMs } from '../../result/histogram.ts'
import type { Measurement } from '../../result/schema.ts'

const common = {
  endpoints: [{ name: 'GET /', method: 'GET', path: '/' }],
  dataKey: 'test',
  connections: 10,
  warmup: 0.1,
  duration: 0.7,
  timeout: 3,
  seed: 1,
}

export function closedJob(origin: string, changes: Partial<ClosedJob> = {}): ClosedJob {
  return { mode: 'closed', origin, ...common, ...changes }
}

export function openJob(origin: string, changes: Partial<OpenJob> = {}): OpenJob {
  return { mode: 'open', origin, ...common, rate: 100, arrivals: 'constant', ...changes }
}

/** Milliseconds. */
export function percentileOf(measurement: Measurement, percentile: number): number {
  return percentileMs(wholeHistogram([measurement]), percentile)
}
