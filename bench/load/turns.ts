/**
 * Closed loops that take turns: one is at work for a slice of time while the connections of the others rest. What a noisy
 * machine does within a second then falls on all of them, and none has to find its stride again.
 */
import type { Measurement } from '../result/schema.ts'
import { createRandom, shuffle } from '../stats/random.ts'
import { sleep } from './clock.ts'
import { judge } from './closed.ts'
import { createLoop, type Loop } from './loop.ts'
import type { ClosedJob } from './protocol.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import type { Datasets } from './template.ts'

/**
 * Of a second of throughput, ratios of a version to itself vary by 3.7 % in slices of 25, 50 or 100 ms, and by 5.5 % in
 * whole seconds in turns. A slice begins with a burst and ends with a wait for the last response, so it is to hold many.
 */
const SLICE_MS = 50
const RESPONSES_PER_CONNECTION = 20
const LONGEST_SLICE_MS = 500

export type Turns = {
  /** Returns what each loop did in so many seconds of its own; the time between its slices is not in it. */
  run: (seconds: number, signal: AbortSignal) => Promise<Measurement[]>
  close: () => Promise<void>
}

/** Opens the loops; each is at work for its `warmup` first. `datasetOf` gives the data of a key. */
export async function openTurns(
  jobs: readonly ClosedJob[],
  datasetOf: (key: string) => Datasets,
  signal: AbortSignal,
): Promise<Turns> {
  const recorders: Recorder[] = []
  const recorderOf = (i: number): Recorder => {
    const recorder = recorders[i]
    if (!recorder) throw new Error(`there is no loop ${i}`)
    return recorder
  }
  const loops = jobs.map((job, i) => createLoop(job, datasetOf(job.dataKey), () => recorderOf(i)))
  const random = createRandom(jobs[0]?.seed ?? 1)
  let slice = SLICE_MS
  /** What was lost while they were warmed up is in the first figures. */
  let lostBefore: Measurement['failures'][] = []

  async function run(seconds: number, aborted: AbortSignal): Promise<Measurement[]> {
    for (const [i, { endpoints }] of jobs.entries()) recorders[i] = createRecorder(endpoints, lostBefore[i])
    lostBefore = []
    const blocks = Math.max(1, Math.round((seconds * 1000) / (2 * slice)))
    for (let block = 0; block < blocks; block++) {
      const order = shuffle(random, [...loops.keys()])
      for (const i of [...order, ...order.toReversed()]) {
        if (aborted.aborted) break
        await work(loops[i], recorderOf(i), (seconds * 1000) / (2 * blocks), aborted)
      }
    }
    return jobs.map((job, i) => judge(recorderOf(i), job))
  }

  const warmed = await run(Math.max(...jobs.map(({ warmup }) => warmup)), signal)
  slice = sliceFor(jobs, warmed)
  lostBefore = warmed.map(({ failures }) => failures)
  return {
    run,
    async close() {
      for (const loop of loops) await loop.stop()
    },
  }
}

async function work(loop: Loop | undefined, recorder: Recorder, ms: number, signal: AbortSignal) {
  recorder.open()
  loop?.resume()
  await sleep(ms, signal)
  await loop?.pause()
  recorder.shut()
}

/** Long enough for the slowest of them, by the time that a connection waits for a response. */
function sliceFor(jobs: readonly ClosedJob[], warmed: readonly Measurement[]): number {
  const waits = warmed.map(({ rate }, i) => (rate > 0 ? ((jobs[i]?.connections ?? 1) / rate) * 1000 : 0))
  return Math.min(LONGEST_SLICE_MS, Math.max(SLICE_MS, RESPONSES_PER_CONNECTION * Math.max(...waits)))
}
