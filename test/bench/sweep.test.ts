/** The search for a capacity, on a service that is a formula. */
import { expect, it } from 'vitest'
import { createHistogram, encodeHistogram, recordMs } from '../../bench/result/histogram.ts'
import type { LoadOptions } from '../../bench/result/schema.ts'
import { keepsSlo, parseSlo } from '../../bench/slo.ts'
import { fitSweep, geometricSteps, type Measure, sweepConnections, sweepRates } from '../../bench/sweep.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const { options } = resultOf([])
const scenario = { name: 'formula', endpoints: [{ name: 'GET /', method: 'GET', path: '/' }] }

/** Answers 1000/s; an open loop waits as in a queue of one server (M/M/1), 1 ms / (1 − load) on average. */
const queue: Measure = async ({ mode, rate = 1000, connections }: LoadOptions) => {
  const [round] = scenarioOf([0]).rounds
  const [endpoint] = round?.endpoints ?? []
  if (!round || !endpoint) throw new Error('there is no round')
  const histogram = createHistogram()
  const meanMs = rate < 1000 ? 1 / (1 - rate / 1000) : 1e5
  for (let i = 0; i < 1000; i++) recordMs(histogram, -Math.log(1 - (i + 0.5) / 1000) * meanMs)
  const reached = mode === 'open' ? Math.min(rate, 1000) : (200 * connections) / (1 + 0.2 * (connections - 1))
  const answers = { ...endpoint, histogram: encodeHistogram(histogram) }
  return { ...round, seconds: 100, rate: reached, intendedRate: rate, endpoints: [answers] }
}

it('finds the highest rate that keeps the objective', async () => {
  const slo = parseSlo('p95=10ms')
  const { capacity = 0, steps } = await sweepRates(queue, scenario, options, { slo, steps: 8 })
  // The p95 of an exponential is ln 20 means: 3 / (1 − r) ms ≤ 10 ms up to r = 0.7.
  expect(capacity).toBeLessThanOrEqual(702)
  expect(capacity).toBeGreaterThan(680)
  expect(steps.map(({ level }) => level)).toEqual(steps.map(({ level }) => level).toSorted((a, b) => a - b))
})

it('finds none where none keeps it', async () => {
  const sweep = await sweepRates(queue, scenario, options, { slo: parseSlo('p99=1ms'), steps: 4 })
  expect(sweep.capacity).toBeUndefined()
  expect(sweep.steps).toHaveLength(1)
})

it('fits the law to the throughput of 1 to N connections', async () => {
  const sweep = await sweepConnections(queue, scenario, options, 7)
  expect(sweep.steps.map(({ level }) => level)).toEqual(geometricSteps(50, 7))
  expect(fitSweep(sweep)?.alpha.value).toBeCloseTo(0.2, 3)
  expect(fitSweep(sweep)?.gamma.value).toBeCloseTo(200, 0)
})

it('goes from 1 to the number of connections, each once', () => {
  expect(geometricSteps(50, 8)).toEqual([1, 2, 3, 5, 9, 16, 29, 50])
  expect(geometricSteps(3, 8)).toEqual([1, 2, 3])
})

it('reads objectives, and refuses what is none', () => {
  expect(parseSlo('p95=35ms')).toEqual({ percentile: 95, ms: 35 })
  expect(parseSlo('p99.9=0.5s')).toEqual({ percentile: 99.9, ms: 500 })
  for (const text of ['35ms', 'p95', 'p101=1ms', 'p95=fast'])
    expect(() => parseSlo(text)).toThrow('--slo takes')
})

it('takes no objective as kept that rests on errors, a void run, or a rate that was not reached', async () => {
  const slo = parseSlo('p95=1s')
  const [round] = scenarioOf([1000]).rounds
  if (!round) throw new Error('there is no round')
  expect(keepsSlo({ ...round, intendedRate: 1000 }, slo)).toBe(true)
  expect(keepsSlo({ ...round, intendedRate: 1000, void: 'saturated' }, slo)).toBe(false)
  expect(keepsSlo({ ...round, intendedRate: 1000, failures: { reset: 1 } }, slo)).toBe(false)
  expect(keepsSlo({ ...round, intendedRate: 1300 }, slo)).toBe(false)
})
