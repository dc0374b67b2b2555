/** A server that stops for a second: an open loop shows it, and a closed loop does not. */
import { expect, it } from 'vitest'
import { startGenerator } from '../load/generator-client.ts'
import type { Job } from '../load/protocol.ts'
import type { Measurement } from '../result/schema.ts'
import { closedJob, openJob, percentileOf } from './helpers/jobs.ts'
import { startTarget } from './helpers/target.ts'

/** Measures again, twice at most, what the generator called void: it was kept from its CPU, and says so. */
async function measureFreeze(toJob: (origin: string) => Job, retries = 2): Promise<Measurement> {
  const measurement = await measureOnce(toJob)
  return measurement.void !== undefined && retries > 0 ? measureFreeze(toJob, retries - 1) : measurement
}

async function measureOnce(toJob: (origin: string) => Job) {
  const [target, generator] = await Promise.all([startTarget('freezing'), startGenerator()])
  try {
    return await generator.run(toJob(target.origin))
  } finally {
    await generator.stop()
    await target.stop()
  }
}

it('shows the freeze of 1 s in 10 that a closed loop hides', async () => {
  const times = { warmup: 0, duration: 10 }
  const [open, closed] = await Promise.all([
    measureFreeze(origin => openJob(origin, { ...times, rate: 500, connections: 50 })),
    measureFreeze(origin => closedJob(origin, { ...times, connections: 5 })),
  ])
  expect(open.void).toBeUndefined()
  // A tenth of the requests are meant for the freeze and wait 0 to 1,000 ms, evenly: the 99th percentile of all is the 90th
  // of those, 900 ms. Nine tenths never meet it.
  expect(percentileOf(open, 99)).toBeGreaterThan(800)
  expect(percentileOf(open, 99)).toBeLessThan(1000)
  expect(percentileOf(open, 89)).toBeLessThan(100)
  // Five requests of thousands were under way when the closed loop's server froze.
  expect(percentileOf(closed, 100)).toBeGreaterThan(900)
  expect(percentileOf(closed, 99)).toBeLessThan(100)
})
