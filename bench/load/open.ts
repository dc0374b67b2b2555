/** The open loop: requests leave at their intended instants, however late the server is. Finds the latency that users see. */
import { createHistogram, mergeHistograms, percentileMs, recordMs } from '../result/histogram.ts'
import type { Measurement } from '../result/schema.ts'
import { now, sleep } from './clock.ts'
import { type LoadHooks, SATURATED_AT } from './closed.ts'
import { createConnection, watchTimeouts } from './connection.ts'
import { HEAD_START_MS, pace } from './pacer.ts'
import type { OpenJob } from './protocol.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { createSchedule } from './schedule.ts'
import type { Datasets } from './template.ts'
import { createVirtualUsers } from './virtual-users.ts'

/**
 * Returns what was measured. Latency counts from the intended instant: a request that waits for a free connection, or
 * for a generator that is late, waits as its user would. Requests meant for the window count, however late the response comes.
 */
export async function runOpen(job: OpenJob, data: Datasets, hooks: LoadHooks): Promise<Measurement> {
  const recorder = createRecorder(job.endpoints)
  const schedule = createSchedule(job.rate, [job.warmup, job.duration], job.arrivals, job.seed)
  const dispatch = createDispatcher(job, data, recorder)
  const lateness = createHistogram()
  const epoch = now() + HEAD_START_MS
  const windowFrom = epoch + job.warmup * 1000
  let isOpen = false
  const open = (): void => {
    if (isOpen) return
    isOpen = true
    recorder.open(windowFrom)
    hooks.onOpen()
  }

  await pace(
    schedule,
    epoch,
    intended => {
      const counts = intended >= windowFrom
      if (counts) {
        open()
        recordMs(lateness, now() - intended)
      }
      dispatch.due(intended, counts)
    },
    hooks.signal,
  )
  open()
  await sleep(windowFrom + job.duration * 1000 - now(), hooks.signal)
  recorder.shut()
  hooks.onShut()
  await dispatch.drain(hooks.signal)
  const measurement = recorder.finish()
  return judge(job.rate, {
    ...measurement,
    intendedRate: job.rate,
    warmupSeconds: job.warmup,
    generator: {
      ...measurement.generator,
      lateP50Ms: percentileMs(lateness, 50),
      lateP99Ms: percentileMs(lateness, 99),
    },
  })
}

type Waiting = {
  intended: number
  counts: boolean
}

/** Hands due requests to free connections in turn, and queues them, clock running, while there is none. */
function createDispatcher(job: OpenJob, data: Datasets, recorder: Recorder) {
  const users = createVirtualUsers(job, data)
  const connections = Array.from({ length: job.connections }, (_, user) => connect(user))
  const free = connections.map((_, user) => user)
  const waiting: Waiting[] = []
  let underWay = 0
  let onIdle = (): void => {}
  const stopWatching = watchTimeouts(connections)

  return { due, drain }

  function due(intended: number, counts: boolean): void {
    const user = free.shift()
    if (user === undefined) waiting.push({ intended, counts })
    else connections[user]?.send({ intended, counts })
  }

  function connect(user: number) {
    let current: Waiting & { endpoint: number }
    const connection = createConnection(
      { origin: job.origin, timeout: job.timeout, wantsBody: users.hasCapture },
      {
        onConnected: again => again && recorder.reconnected(),
        onResponse({ status, body, endedAt }) {
          const { intended, counts, endpoint } = current
          if (counts) recorder.response(endpoint, status, endedAt - intended, endedAt)
          else recorder.lateResponse(endpoint, status)
          const problem = users.capture(user, endpoint, status, body)
          if (problem) recorder.failure(problem)
          release(user)
        },
        onLost(reason) {
          // In the warm-up, too: a response is lost whenever it is lost.
          recorder.failure(reason)
          release(user)
        },
      },
    )
    return {
      ...connection,
      send(waiting: Waiting): void {
        underWay++
        const { endpoint, request } = users.next(user)
        current = { ...waiting, endpoint }
        connection.send(request)
      },
    }
  }

  function release(user: number): void {
    underWay--
    const next = waiting.shift()
    if (next) connections[user]?.send(next)
    else free.push(user)
    if (underWay === 0) onIdle()
  }

  /** Waits for the responses that are still out, as long as one may take, then closes all connections. */
  async function drain(signal: AbortSignal): Promise<void> {
    const idle = new Promise<void>(resolve => {
      onIdle = resolve
      if (underWay === 0) resolve()
    })
    await Promise.race([idle, sleep(job.timeout * 1000, signal)])
    for (const _ of waiting.splice(0)) recorder.failure('never sent')
    stopWatching()
    for (const connection of connections) {
      connection.expire(Number.POSITIVE_INFINITY)
      connection.close()
    }
  }
}

// A generator this busy, its pacing thread included, cannot be told from a server that does not keep up.
const DOUBTFUL_AT = 0.8

/**
 * Voids what the generator itself has spoilt: it had no time left; it had little, and the rate was not reached; or it was
 * late by more than 10 % of the p99 and by more than 5 ms, which is then in every figure.
 */
export function judge(rate: number, measurement: Measurement): Measurement {
  const { utilisation, cpu, lateP99Ms = 0 } = measurement.generator
  const p99 = percentileMs(mergeHistograms(measurement.endpoints.map(endpoint => endpoint.histogram)), 99)
  const isShort = measurement.rate < 0.95 * rate
  const isBusy = utilisation > SATURATED_AT || (isShort && Math.max(utilisation, cpu) > DOUBTFUL_AT)
  const isLate = lateP99Ms > 5 && lateP99Ms > p99 / 10
  if (isBusy) {
    const busy = `its event loop was ${(utilisation * 100).toFixed(0)} % busy, on ${cpu.toFixed(2)} of a CPU`
    return { ...measurement, void: `the generator was saturated at ${rate}/s (${busy})` }
  }
  if (!isLate) return measurement
  const late = `${lateP99Ms.toFixed(1)} ms at p99, of a p99 of ${p99.toFixed(1)} ms`
  return { ...measurement, void: `the generator sent its requests late at ${rate}/s (${late})` }
}
