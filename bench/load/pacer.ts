/** Calls back at the intended instants of an open loop, to a tenth of a millisecond. */
import { Worker } from 'node:worker_threads'
import { now } from './clock.ts'
import type { PacerData } from './pacer-thread.ts'

/** The thread needs some 50 ms to start: an epoch must lie further ahead than that. */
export const HEAD_START_MS = 250

// Waking a thread takes 0.1 to 0.2 ms, so the loop is woken early and waits busily for the instant itself. Where requests
// are denser than this gap, that would take more than a sixth of a CPU, and the loop is awake anyhow.
const LEAD_MS = 0.15
const LEAD_FROM_GAP_MS = 1

/**
 * Calls `onDue(intended)` for each instant of the schedule (ms after `epoch`) as it comes, `intended` being on the
 * shared clock.
 * Resolves when all have been called, or `signal` fired; rejects when the thread dies.
 */
export async function pace(
  schedule: Float64Array<SharedArrayBuffer>,
  epoch: number,
  onDue: (intended: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const due = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const lead = (schedule.at(-1) ?? 0) / schedule.length >= LEAD_FROM_GAP_MS ? LEAD_MS : 0
  const data: PacerData = { schedule, epoch: epoch - lead, due }
  const thread = new Worker(new URL('./pacer-thread.ts', import.meta.url), { workerData: data })
  const died = new Promise<never>((_resolve, reject) => thread.once('error', reject))
  const stopped = new Promise<void>(resolve =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  try {
    let next = 0
    while (!signal.aborted) {
      const seen = Atomics.load(due, 0)
      for (; next < seen; next++) {
        const intended = epoch + (schedule[next] ?? 0)
        while (now() < intended);
        onDue(intended)
      }
      if (next === schedule.length) break
      const change = Atomics.waitAsync(due, 0, seen)
      // Where the count moved meanwhile there is no promise to wait for, but responses must still be read.
      await Promise.race([change.async ? change.value : nextTurn(), died, stopped])
    }
  } finally {
    await thread.terminate()
  }
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
