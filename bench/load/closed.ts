/** The closed loop: every connection sends its next request when the last one is answered. Finds what the server can do. */
import type { Measurement } from '../result/schema.ts'
import { sleep } from './clock.ts'
import { startLoop } from './loop.ts'
import type { ClosedJob } from './protocol.ts'
import { createRecorder } from './recorder.ts'
import type { Datasets } from './template.ts'

/** What a load tells while it runs, and how it is told to stop. */
export interface LoadHooks {
  onOpen: () => void
  onShut: () => void
  signal: AbortSignal
}

// Beyond 95 % a loop has no idle time left to be quick in: what is measured then is the generator.
export const saturatedAt = 0.95

/** Returns what was measured; the window opens after `warmup` seconds and answers that come after it do not count. */
export async function runClosed(job: ClosedJob, data: Datasets, hooks: LoadHooks): Promise<Measurement> {
  const recorder = createRecorder(job.endpoints)
  const { ended, stop } = startLoop(job, data, () => recorder)
  await Promise.race([sleep(job.warmup * 1000, hooks.signal), ended])
  recorder.open()
  hooks.onOpen()
  await Promise.race([sleep(job.duration * 1000, hooks.signal), ended])
  recorder.shut()
  hooks.onShut()
  await stop()
  return judge(recorder.finish())
}

/** Marks as void what a saturated generator has measured. */
export function judge(measurement: Measurement): Measurement {
  const { utilisation, cpu } = measurement.generator
  if (utilisation <= saturatedAt) return measurement
  const busy = `its event loop was ${(utilisation * 100).toFixed(0)} % busy, on ${cpu.toFixed(2)} of a CPU`
  return { ...measurement, void: `the generator was saturated (${busy})` }
}
