/** The thread that wakes the open loop at each intended instant; it does nothing else, so that it is never late itself. */
import { workerData } from 'node:worker_threads'
import { now } from './clock.ts'

export type PacerData = {
  /** Intended instants, in ms after `epoch`. */
  schedule: Float64Array<SharedArrayBuffer>
  epoch: number
  /** How many instants have passed: written here, read and waited on by the loop. */
  due: Int32Array<SharedArrayBuffer>
}

// A timer of the event loop has a resolution of 1 ms, so a 5 ms response would read as 5.5. A futex wait returns within
// about 60 µs and costs no CPU; below 30 µs another wait would overshoot by more than is left.
const CLOSE_ENOUGH_MS = 0.03

const { schedule, epoch, due } = workerData as PacerData
const bed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

for (let i = 0; i < schedule.length; i++) {
  const instant = epoch + (schedule[i] ?? 0)
  for (let left = instant - now(); left > CLOSE_ENOUGH_MS; left = instant - now()) {
    Atomics.wait(bed, 0, 0, left)
  }
  Atomics.store(due, 0, i + 1)
  Atomics.notify(due, 0)
}
