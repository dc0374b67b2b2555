/** The closed loop: every connection sends its next request once it has the last response. Finds what the server can do. */
import type { Measurement } from '../result/schema.ts'
import { sleep } from './clock.ts'
import { createLoop } from './loop.ts'
import type { ClosedJob } from './protocol.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import type { Datasets } from './template.ts'

/** What a load reports while it runs, and how it is stopped. */
export type LoadHooks = {
  onOpen: () => void
  onShut: () => void
  signal: AbortSignal
}

// Beyond 95 % a loop has no idle time left to be quick in: what is measured then is the generator.
export const SATURATED_AT = 0.95

/** By so much may the concurrency that a closed loop measures exceed its connections: clocks are read a moment late. */
const LITTLE_TOLERANCE = 1.1

/**
 * Returns what was measured. The window opens after `warmup` seconds; responses outside it do not count, and requests that are
 * lost do: a server that loses some while it is warmed up, or when the load ends, loses them.
 */
export async function runClosed(job: ClosedJob, data: Datasets, hooks: LoadHooks): Promise<Measurement> {
  const recorder = createRecorder(job.endpoints)
  const { ended, resume, stop } = createLoop(job, data, () => recorder)
  resume()
  await Promise.race([sleep(job.warmup * 1000, hooks.signal), ended])
  recorder.open()
  hooks.onOpen()
  await Promise.race([sleep(job.duration * 1000, hooks.signal), ended])
  recorder.shut()
  hooks.onShut()
  await stop()
  return judge(recorder, job)
}

/** Returns the measurement of a closed loop, void where it cannot be true or where the generator was saturated. */
export function judge(recorder: Recorder, { connections }: Pick<ClosedJob, 'connections'>): Measurement {
  const measurement = recorder.finish()
  const reason = impossible(measurement.rate, recorder.concurrency(), connections) ?? saturated(measurement)
  return reason === undefined ? measurement : { ...measurement, void: reason }
}

/**
 * Little's law: throughput × mean latency is the number of requests under way at once, and no connection carries more than
 * one. Where it is more, latencies were taken from the wrong starts, or responses counted twice. Of a request that was sent
 * before the window opened, the part within the window counts: else short windows of long requests would break the law.
 */
function impossible(rate: number, concurrency: number, connections: number): string | undefined {
  if (concurrency <= connections * LITTLE_TOLERANCE) return undefined
  const meanMs = (concurrency / rate) * 1000
  return (
    `${rate.toFixed(0)}/s of ${meanMs.toFixed(3)} ms each are ${concurrency.toFixed(1)} requests at once, and ` +
    `${connections} connections carry one each: the latencies are wrong (Little's law)`
  )
}

function saturated({ generator: { utilisation, cpu } }: Measurement): string | undefined {
  if (utilisation <= SATURATED_AT) return undefined
  const busy = `its event loop was ${(utilisation * 100).toFixed(0)} % busy, on ${cpu.toFixed(2)} of a CPU`
  return `the generator was saturated (${busy})`
}
