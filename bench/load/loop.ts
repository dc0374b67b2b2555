/** A closed loop: every connection sends its next request once it has the last response, unless it rests. */
import { createConnection, watchTimeouts } from './connection.ts'
import type { ClosedJob } from './protocol.ts'
import type { Recorder } from './recorder.ts'
import type { Datasets } from './template.ts'
import { createVirtualUsers } from './virtual-users.ts'

/** So many requests lost, and not one response between them: the server is gone. */
const GIVE_UP_AFTER = 1000

/** A virtual user that loses two requests in a row waits before the next: a server that is gone refuses connections at once. */
const PAUSE_MS = 10

export type Loop = {
  /** Sends no more requests, and resolves when those under way have a response or are lost. */
  pause: () => Promise<void>
  resume: () => void
  /** Resolves when it has given up. */
  ended: Promise<void>
  /** Lets each connection end with its response: a request that is cut off has still been served, its one-use token spent. */
  stop: () => Promise<void>
}

type VirtualUser = {
  ask: () => void
  expire: (at: number) => void
  close: () => void
}

/** Returns a loop at rest. Its responses go to the recorder that `recorderNow` names, if that is open, and its losses always do. */
export function createLoop(job: ClosedJob, data: Datasets, recorderNow: () => Recorder): Loop {
  const source = createVirtualUsers(job, data)
  const { promise: ended, resolve: giveUp } = Promise.withResolvers<void>()
  let isResting = true
  let onRest = (): void => {}
  let busy = 0
  let lostInARow = 0
  const users = Array.from({ length: job.connections }, (_, index) => openUser(index))
  const stopWatching = watchTimeouts(users)
  return { ended, pause, resume, stop }

  function openUser(index: number): VirtualUser {
    let endpoint = 0
    let isBusy = false
    let lost = 0
    const connection = createConnection(
      { origin: job.origin, timeout: job.timeout, wantsBody: source.hasCapture },
      {
        onConnected: again => again && recorderNow().reconnected(),
        onResponse({ status, body, sentAt, endedAt }) {
          lost = 0
          lostInARow = 0
          const recorder = recorderNow()
          if (recorder.isOpen()) recorder.response(endpoint, status, endedAt - sentAt, endedAt)
          const problem = source.capture(index, endpoint, status, body)
          if (problem) recorder.failure(problem)
          askNext()
        },
        onLost(reason) {
          lost++
          recorderNow().failure(reason)
          if (++lostInARow >= GIVE_UP_AFTER) {
            isResting = true
            giveUp()
          }
          if (lost === 1 || isResting) {
            askNext()
          } else {
            settle()
            setTimeout(() => !isResting && ask(), PAUSE_MS)
          }
        },
      },
    )
    return { ask, expire: connection.expire, close: connection.close }

    function ask(): void {
      if (isBusy) return
      isBusy = true
      busy++
      send()
    }

    function send(): void {
      const planned = source.next(index)
      endpoint = planned.endpoint
      connection.send(planned.request)
    }

    function askNext(): void {
      if (isResting) settle()
      else send()
    }

    function settle(): void {
      isBusy = false
      busy--
      if (busy === 0) onRest()
    }
  }

  function resume(): void {
    isResting = false
    for (const user of users) user.ask()
  }

  async function pause(): Promise<void> {
    isResting = true
    if (busy === 0) return
    await new Promise<void>(resolve => {
      onRest = resolve
    })
  }

  async function stop(): Promise<void> {
    await pause()
    stopWatching()
    for (const user of users) user.close()
  }
}
