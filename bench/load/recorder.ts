/** Collects the responses of one load within its window of recording. */
import { performance } from 'node:perf_hooks'
import { createHistogram, encodeHistogram, recordMs } from '../result/histogram.ts'
import type { EndpointFigures, GeneratorFigures, Measurement } from '../result/schema.ts'
import type { Endpoint } from '../scenario.ts'
import { now } from './clock.ts'

const BUCKET_MS = 250

export type Recorder = ReturnType<typeof createRecorder>

/** Returns a recorder for these endpoints, which may begin with failures. No response counts before `open` and after `shut`. */
export function createRecorder(endpoints: readonly Endpoint[], lostBefore: Record<string, number> = {}) {
  const rows = endpoints.map(createRow)
  const failures = new Map(Object.entries(lostBefore))
  const counts: number[] = []
  const meter = createMeter()
  let startedAt = 0
  let openedAt = Number.POSITIVE_INFINITY
  let isShut = false
  /** Of the window until it was last opened, and until it was last shut. */
  let [msBefore, ms] = [0, 0]
  let inWindow = 0
  let connects = 0
  /** How long the requests with a response were under way within the window, added up. */
  let underWayMs = 0

  return {
    /** Opens the window, as of the instant `at`; a second time, it goes on where it was shut. */
    open(at = now()): void {
      startedAt ||= Date.now()
      ;[openedAt, msBefore, isShut] = [at, ms, false]
      meter.start()
    },

    /** Shuts the window; a closed loop's later responses do not count, those of an open loop's requests still do. */
    shut(): void {
      ms = msBefore + now() - openedAt
      isShut = true
      meter.stop()
    },

    /** Counts one response; `receivedAt` and `latencyMs` in ms. */
    response(endpoint: number, status: number, latencyMs: number, receivedAt: number): void {
      const row = rows[endpoint]
      if (!row) throw new Error(`there is no endpoint ${endpoint}`)
      if (!row.response(status, latencyMs)) return
      if (!isShut) inWindow++
      // A request that left before the window opened counts from there.
      underWayMs += Math.min(latencyMs, receivedAt - openedAt)
      const bucket = Math.max(0, Math.floor((msBefore + receivedAt - openedAt) / BUCKET_MS))
      counts[bucket] = (counts[bucket] ?? 0) + 1
    },

    /** Counts, in the rate alone, a response in the window to a request that was meant for the warm-up. */
    lateResponse(endpoint: number, status: number): void {
      if (isOpen() && rows[endpoint]?.isExpected(status)) inWindow++
    },

    /** Counts one request that got no response. */
    failure(reason: string): void {
      failures.set(reason, (failures.get(reason) ?? 0) + 1)
    },

    /** Counts a connection that had to be opened again. */
    reconnected(): void {
      if (isOpen()) connects++
    },

    isOpen,

    /** Returns how many of the requests with a response were under way at once, in the mean of the window. */
    concurrency: () => (ms > 0 ? underWayMs / ms : 0),

    /** Returns the record; its rate is over the responses that came while the window was open. */
    finish(): Measurement {
      const seconds = ms / 1000
      return {
        startedAt,
        seconds,
        rate: seconds > 0 ? inWindow / seconds : 0,
        failures: Object.fromEntries(failures),
        connects,
        endpoints: rows.map(row => row.finish()),
        timeline: { bucketMs: BUCKET_MS, counts: Array.from(counts, value => value ?? 0) },
        generator: meter.read(),
      }
    },
  }

  function isOpen(): boolean {
    return openedAt <= now() && !isShut
  }
}

function createRow({ name, expect }: Endpoint) {
  const isExpected = expectation(expect)
  const statuses = new Map<number, number>()
  const histogram = createHistogram()
  let requests = 0
  let unexpected = 0
  return {
    isExpected,
    /** Returns whether the response was one that counts. */
    response(status: number, latencyMs: number): boolean {
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
      name,
      requests,
      unexpected,
      statuses: Object.fromEntries(statuses),
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
  const ms = { all: 0, cpu: 0, active: 0, idle: 0 }
  return {
    start(): void {
      startedAt = now()
      cpuAtStart = process.cpuUsage()
      loopAtStart = performance.eventLoopUtilization()
    },
    stop(): void {
      const { user, system } = process.cpuUsage(cpuAtStart)
      const { active, idle } = performance.eventLoopUtilization(loopAtStart)
      ms.all += now() - startedAt
      ms.cpu += (user + system) / 1000
      ms.active += active
      ms.idle += idle
    },
    read: (): GeneratorFigures => ({
      cpu: ms.all > 0 ? ms.cpu / ms.all : 0,
      utilisation: ms.active + ms.idle > 0 ? ms.active / (ms.active + ms.idle) : 0,
    }),
  }
}
