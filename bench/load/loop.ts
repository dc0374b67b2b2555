/** A closed loop of autocannon's: every connection sends its next request when the last one is answered, unless it rests. */
import type { EventEmitter } from 'node:events'
import autocannon from 'autocannon'
import { now, sleep } from './clock.ts'
import { createLanes, type Lanes, type Planned } from './lanes.ts'
import type { ClosedJob } from './protocol.ts'
import type { Recorder } from './recorder.ts'
import type { Datasets } from './template.ts'

// 50 connections ask for 4,000 of 10,000 ids, and each loop for others. Making them takes 55 ms, and 200 each 130.
const requestsPerLane = 80

/** autocannon wants an end: a week, though every loop is ended long before. */
const longestSeconds = 7 * 86_400

/** What autocannon keeps of a connection: the means of its options `amount` and `connectionRate`. */
type Connection = autocannon.Client & {
  /** After so many answers it ends. */
  responseMax?: number
  /** After so many requests in a second it rests. */
  rate?: number | undefined
  reqsMadeThisSecond?: number
  /** It would have sent a request, and has none under way. */
  paused?: boolean
  _doRequest?: () => void
}

export interface Loop {
  /** Sends no more requests, and resolves when those under way are answered. */
  pause: () => Promise<void>
  resume: () => void
  /** Resolves when it has ended by itself, as after a thousand errors. */
  ended: Promise<void>
  /** Lets each connection end with its answer: a request that is cut off has still been served, its one-use token spent. */
  stop: () => Promise<void>
}

/** Starts a loop at work; its answers go to the recorder that `recorderNow` names, if that is open. */
export function startLoop(job: ClosedJob, data: Datasets, recorderNow: () => Recorder): Loop {
  const lanes = createLanes(job.endpoints, data, job.seed)
  const connections: Connection[] = []
  let onEnd = (): void => {}
  let onAnswer = (): void => {}
  const ended = new Promise<void>(resolve => {
    onEnd = resolve
  })
  const options: autocannon.Options = {
    ...{ url: job.origin, connections: job.connections, duration: longestSeconds, timeout: job.timeout },
    ...{ sampleInt: 20, bailout: 1000, skipAggregateResult: true },
    setupClient: client => {
      equipLane(client, connections.length, lanes, recorderNow)
      client.on('response', () => onAnswer())
      connections.push(client)
    },
  }
  const load = autocannon(options, onEnd)
  load.on('reqError', (error: Error) => recorderNow().failure(error.message))

  function resume(): void {
    for (const connection of connections) {
      connection.rate = undefined
      if (!connection.paused) continue
      connection.paused = false
      connection._doRequest?.()
    }
  }

  return {
    ended,
    resume,
    async pause() {
      for (const connection of connections) Object.assign(connection, { rate: 1, reqsMadeThisSecond: 1 })
      const isResting = (): boolean => connections.every(({ paused }) => paused)
      const resting = new Promise<void>(resolve => {
        if (isResting()) resolve()
        // autocannon decides about the next request right after it has told of an answer.
        onAnswer = () => queueMicrotask(() => isResting() && resolve())
      })
      await Promise.race([resting, ended, sleep(job.timeout * 1000)])
      onAnswer = () => {}
    },
    async stop() {
      for (const connection of connections) connection.responseMax = 1
      resume()
      await Promise.race([ended, sleep(job.timeout * 1000)])
      load.stop()
      await ended
    },
  }
}

function equipLane(client: Connection, lane: number, lanes: Lanes, recorderNow: () => Recorder): void {
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
    const recorder = recorderNow()
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
