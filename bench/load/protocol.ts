/** The messages between the bench and the process that makes the load. */
import type { Measurement } from '../result/schema.ts'
import type { Endpoint } from '../scenario.ts'
import type { Arrivals } from './schedule.ts'
import type { Datasets } from './template.ts'

type CommonJob = {
  origin: string
  endpoints: Endpoint[]
  /** Which of the data sets sent before fills the requests; its sessions keep their state between jobs. */
  dataKey: string
  connections: number
  /** Seconds of load before anything is recorded, and seconds that are. */
  warmup: number
  duration: number
  /** Seconds after which a response counts as an error. */
  timeout: number
  seed: number
}

export type ClosedJob = CommonJob & {
  mode: 'closed'
}

export type OpenJob = CommonJob & {
  mode: 'open'
  /** Requests per second. */
  rate: number
  arrivals: Arrivals
}

export type Job = ClosedJob | OpenJob

/** What one request of an endpoint brought, before there is any load. */
export type Sample = {
  endpoint: string
  expected: boolean
  /** The status, or why there was none. */
  outcome: string
}

export type PreflightJob = {
  origin: string
  endpoints: Endpoint[]
  dataKey: string
  timeout: number
  seed: number
}

export type ToGenerator =
  | { type: 'data'; key: string; data: Datasets }
  | { type: 'preflight'; job: PreflightJob }
  | { type: 'run'; job: Job }
  // Closed loops that stay open and take turns: opened once, run for window after window, and closed.
  | { type: 'open-turns'; jobs: ClosedJob[] }
  | { type: 'run-turns'; seconds: number }
  | { type: 'close-turns' }
  | { type: 'stop' }

export type FromGenerator =
  | { type: 'ready' }
  // The window of recording opens and shuts: the moments to read the server's own counters.
  | { type: 'open' }
  | { type: 'shut' }
  | { type: 'done'; measurement: Measurement }
  | { type: 'turns'; measurements: Measurement[] }
  | { type: 'samples'; samples: Sample[] }
  | { type: 'failed'; message: string }
