/** Collects what one load saw, inside its window of recording. */
import { performance } from 'node:perf_hooks'
import { createHistogram, encodeHistogram, recordMs } from '../result/histogram.ts'
import type { EndpointFigures, GeneratorFigures, Measurement } from '../result/schema.ts'
import type { Endpoint } from '../scenario.ts'
import { now } from './clock.ts'

const bucketMs = 250

export type Recorder = ReturnType<typeof createRecorder>

/** Returns a recorder for these endpoints; nothing counts before `open` and after `shut`. */
export function createRecorder(endpoints: readonly Endpoint[]) {
  const rows = endpoints.map(createRow)
  const failures = new Map<string, number>()
  const counts: number[] = []
  const meter = createMeter()
  let startedAt = 0
  let openedAt = Number.POSITIVE_INFINITY
  let seconds = 0
  let inWindow = 0

  return {
    /** Opens the window, as of the instant `at`. */
    open(at = now()): void {
      startedAt = Date.now()
      openedAt = at
      meter.start()
    },

    /** Ends the window; a closed loop's later answers do not count, those of an open loop's requests still do. */
    shut(): void {
      seconds = (now() - openedAt) / 1000
      meter.stop()
    },

    /** Counts one answer; `answeredAt` and `latencyMs` in ms. */
    answer(endpoint: number, status: number, latencyMs: number, answeredAt: number): void {
      const row = rows[endpoint]
      if (!row) throw new Error(`there is no endpoint ${endpoint}`)
      if (!row.answer(status, latencyMs)) return
      if (seconds === 0) inWindow++
      const bucket = Math.max(0, Math.floor((answeredAt - openedAt) / bucketMs))
      counts[bucket] = (counts[bucket] ?? 0) + 1
    },

    /** Counts one request that got no answer. */
    failure(reason: string): void {
      failures.set(reason, (failures.get(reason) ?? 0) + 1)
    },

    isOpen: () => openedAt <= now() && seconds === 0,

    /** Returns the record; its rate is over the answers that came while the window was open. */
    finish(): Measurement {
      return {
        startedAt,
        seconds,
        rate: seconds > 0 ? inWindow / seconds : 0,
        failures: Object.fromEntries(failures),
        endpoints: rows.map(row => row.finish()),
        timeline: { bucketMs, counts: Array.from(counts, value => value ?? 0) },
        generator: meter.read(),
      }
    },
  }
}

function createRow({ name, expect }: Endpoint) {
  const isExpected = expectation(expect)
  const statuses = new Map<number, number>()
  const histogram = createHistogram()
  let requests = 0
  let unexpected = 0
  return {
    /** Returns whether the answer was one that counts. */
    answer(status: number, latencyMs: number): boolean {
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (!isExpected(status)) {
        unexpected++
        return false
      }
      requests++
      recordMs(histogram, latencyMs)
      return true
    },
    finish: (): EndpointFigures => ({
      ...{ name, requests, unexpected, statuses: Object.fromEntries(statuses) },
      histogram: encodeHistogram(histogram),
    }),
  }
}

/** Returns the test of a status: one of those listed, or any 2xx where none is. */
export function expectation(expected: number[] | undefined): (status: number) => boolean {
  if (!expected) return status => status >= 200 && status < 300
  const statuses = new Set(expected)
  return status => statuses.has(status)
}

/** Measures this process between start and stop: a generator at its limit measures itself, not the server. */
function createMeter() {
  let startedAt = 0
  let cpuAtStart = process.cpuUsage()
  let loopAtStart = performance.eventLoopUtilization()
  const figures: GeneratorFigures = { cpu: 0, utilisation: 0 }
  return {
    start(): void {
      startedAt = now()
      cpuAtStart = process.cpuUsage()
      loopAtStart = performance.eventLoopUtilization()
    },
    stop(): void {
      const spent = process.cpuUsage(cpuAtStart)
      figures.cpu = (spent.user + spent.system) / 1000 / (now() - startedAt)
      figures.utilisation = performance.eventLoopUtilization(loopAtStart).utilization
    },
    read: () => figures,
  }
}
