/** The closed loop: every connection sends its next request when the last one is answered. Finds what the server can do. */
import type { EventEmitter } from 'node:events'
import autocannon from 'autocannon'
import type { Measurement } from '../result/schema.ts'
import { now, sleep } from './clock.ts'
import { createLanes, type Lanes, type Planned } from './lanes.ts'
import type { ClosedJob } from './protocol.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import type { Datasets } from './template.ts'

/** What a load tells while it runs, and how it is told to stop. */
export interface LoadHooks {
  onOpen: () => void
  onShut: () => void
  signal: AbortSignal
}

// Beyond 95 % a loop has no idle time left to be quick in: what is measured then is the generator.
export const saturatedAt = 0.95

// 50 connections ask for 4,000 of 10,000 ids, and for others in the next round. Making them takes 55 ms, and 200 each 130.
const requestsPerLane = 80

/** autocannon stops a connection after its next answer when this is set, as it does for `amount`. */
type Stoppable = autocannon.Client & { responseMax?: number }

/** Returns what was measured; the window opens after `warmup` seconds and answers that come after it do not count. */
export async function runClosed(job: ClosedJob, data: Datasets, hooks: LoadHooks): Promise<Measurement> {
  const recorder = createRecorder(job.endpoints)
  const lanes = createLanes(job.endpoints, data, job.seed)
  const clients: Stoppable[] = []
  const options: autocannon.Options = {
    url: job.origin,
    connections: job.connections,
    // We end it ourselves; this is the end of a generator whose parent forgot it.
    duration: job.warmup + job.duration + job.timeout + 60,
    timeout: job.timeout,
    sampleInt: 20,
    bailout: 1000,
    skipAggregateResult: true,
    setupClient: client => {
      equipLane(client, clients.length, lanes, recorder)
      clients.push(client)
    },
  }
  let onEnd = (): void => {}
  const ended = new Promise<void>(resolve => {
    onEnd = resolve
  })
  const load = autocannon(options, onEnd)
  load.on('reqError', (error: Error) => recorder.failure(error.message))

  await Promise.race([sleep(job.warmup * 1000, hooks.signal), ended])
  recorder.open()
  hooks.onOpen()
  await Promise.race([sleep(job.duration * 1000, hooks.signal), ended])
  recorder.shut()
  hooks.onShut()

  // Each connection ends with its answer, not in the middle of it: a request that was cut off has still been served, and
  // a one-use token in it is spent.
  for (const client of clients) client.responseMax = 1
  await Promise.race([ended, sleep(job.timeout * 1000)])
  load.stop()
  await ended
  return judge(recorder.finish())
}

function equipLane(client: Stoppable, lane: number, lanes: Lanes, recorder: Recorder): void {
  const planned: Planned[] = Array.from({ length: requestsPerLane }, () => lanes.next(lane))
  let sent = 0
  // autocannon loops over the requests in order and has one at a time under way, so the count says which one it is.
  const current = (): Planned | undefined => planned[(sent - 1) % planned.length]
  client.setRequests(planned.map((_, i) => toRequest(planned, i, lane, lanes)))
  const events: EventEmitter = client
  events.on('request', () => {
    sent++
  })
  client.on('response', (status: number, _bytes: number, latencyMs: number) => {
    const plan = current()
    if (plan && recorder.isOpen()) recorder.answer(plan.endpoint, status, latencyMs, now())
  })
}

function toRequest(planned: Planned[], index: number, lane: number, lanes: Lanes): autocannon.Request {
  const first = planned[index]
  if (!first) throw new Error(`there is no request ${index}`)
  const request = first.request as autocannon.Request
  if (!lanes.hasCapture) return request
  return {
    ...request,
    // What the last answer brought goes into the request that is about to leave.
    setupRequest: () => {
      const plan = lanes.next(lane)
      planned[index] = plan
      return { ...request, ...(plan.request as autocannon.Request) }
    },
    onResponse: (status, body) => {
      const plan = planned[index]
      if (plan) lanes.capture(lane, plan.endpoint, status, body)
    },
  }
}

function judge(measurement: Measurement): Measurement {
  const { utilisation, cpu } = measurement.generator
  if (utilisation <= saturatedAt) return measurement
  const busy = `its event loop was ${(utilisation * 100).toFixed(0)} % busy, on ${cpu.toFixed(2)} of a CPU`
  return { ...measurement, void: `the generator was saturated (${busy})` }
}
