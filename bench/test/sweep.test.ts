/** The search for a capacity, on a service that is a formula. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exitCodeOfSweeps } from '../commands/sweep.ts'
import { renderSweep } from '../output/sweep-table.ts'
import { createHistogram, encodeHistogram, recordMs } from '../result/histogram.ts'
import type { LoadOptions, Measurement, Sweep } from '../result/schema.ts'
import { judgeSlo, parseSlo } from '../slo.ts'
import { fitSweep, geometricSteps, type Measure, sweepConnections, sweepRates } from '../sweep.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const { options } = resultOf([])
const scenario = { name: 'formula', endpoints: [{ name: 'GET /', method: 'GET', path: '/' }] }

/** Serves 1000/s; an open loop waits as in a queue of one server (M/M/1), 1 ms / (1 − load) on average. */
const queue: Measure = async ({ mode, rate = 1000, connections }: LoadOptions) => {
  const [round] = scenarioOf([0]).rounds
  const [endpoint] = round?.endpoints ?? []
  if (!round || !endpoint) throw new Error('there is no round')
  const histogram = createHistogram()
  const meanMs = rate < 1000 ? 1 / (1 - rate / 1000) : 1e5
  for (let i = 0; i < 1000; i++) recordMs(histogram, -Math.log(1 - (i + 0.5) / 1000) * meanMs)
  const reached = mode === 'open' ? Math.min(rate, 1000) : (200 * connections) / (1 + 0.2 * (connections - 1))
  const responses = { ...endpoint, histogram: encodeHistogram(histogram) }
  return { ...round, seconds: 100, rate: reached, intendedRate: rate, endpoints: [responses] }
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

it('estimates the law from the throughput of 1 to N connections', async () => {
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

it('says why an objective was not kept', () => {
  const slo = parseSlo('p95=1s')
  const [round] = scenarioOf([1000]).rounds
  if (!round) throw new Error('there is no round')
  expect(judgeSlo({ ...round, intendedRate: 1000 }, slo)).toBe('kept')
  expect(judgeSlo({ ...round, intendedRate: 1000, void: 'saturated' }, slo)).toBe('void')
  expect(judgeSlo({ ...round, intendedRate: 1000, failures: { reset: 1 } }, slo)).toBe('errors')
  expect(judgeSlo({ ...round, intendedRate: 1300 }, slo)).toBe('rate not reached')
  expect(judgeSlo({ ...round, intendedRate: 1300 }, parseSlo('p95=10ms'))).toBe('late')
})

it('distinguishes a slow server from one that falls behind', () => {
  const [round] = scenarioOf([1000]).rounds
  const [endpoint] = round?.endpoints ?? []
  if (!round || !endpoint) throw new Error('there is no round')
  const loadOf = (rate: number, msOf: (i: number) => number): Measurement => {
    const histogram = createHistogram()
    for (let i = 0; i < 300; i++) recordMs(histogram, msOf(i))
    const endpoints = [{ ...endpoint, histogram: encodeHistogram(histogram) }]
    return { ...round, seconds: 3, intendedRate: 100, rate, endpoints }
  }
  const slo = parseSlo('p95=5s')
  // What was sent within the last latency of the window gets its response after it.
  expect(
    judgeSlo(
      loadOf(66.7, () => 1000),
      slo,
    ),
  ).toBe('kept')
  expect(
    judgeSlo(
      loadOf(93.4, () => 200),
      slo,
    ),
  ).toBe('kept')
  // Each request waits for longer than the one before it, until all 300 have a response after 3 × 100 / rate seconds.
  for (const rate of [25, 50, 70, 80, 90]) {
    const last = (3000 * (100 - rate)) / rate
    const growing = loadOf(rate, i => (i / 300) * last)
    expect(judgeSlo(growing, parseSlo('p95=30s')), `${rate}/s`).toBe('rate not reached')
  }
  // At 124/s of 100, after a warm-up as long as the window, latencies grow from 0.72 s to 1.44 s.
  const overloaded = { ...loadOf(100, i => 720 + 2.4 * i), intendedRate: 124, warmupSeconds: 3 }
  expect(judgeSlo(overloaded, slo)).toBe('rate not reached')
  // Where each takes a second, the warm-up's last responses come instead of the window's.
  expect(judgeSlo({ ...loadOf(98, () => 1000), warmupSeconds: 3 }, slo)).toBe('kept')
  // A window that is over before half of the responses have come says nothing of the rate.
  expect(
    judgeSlo(
      loadOf(0, () => 3000),
      slo,
    ),
  ).toBe('rate not reached')
})

it('does not miss a rate by the one response that is still on its way', () => {
  const [round] = scenarioOf([1000]).rounds
  if (!round) throw new Error('there is no round')
  expect(judgeSlo({ ...round, seconds: 3, intendedRate: 2, rate: 5 / 3 }, parseSlo('p95=1s'))).toBe('kept')
})

/** A service and a machine by chance: each load is void, slow, failed or short with its own probability. */
const chance = fc.record({
  limit: fc.integer({ min: 20, max: 100_000 }),
  closedShare: fc.double({ min: 0.2, max: 1.5, noNaN: true }),
  draws: fc.array(fc.constantFrom('honest', 'honest', 'honest', 'void', 'late', 'errors', 'short'), {
    minLength: 40,
    maxLength: 40,
  }),
})

it('never gives a verdict that its own table contradicts', async () => {
  const slo = parseSlo('p95=35ms')
  await fc.assert(
    fc.asyncProperty(chance, async ({ limit, closedShare, draws }) => {
      const left = [...draws]
      const measure: Measure = async load => {
        const draw = load.mode === 'closed' ? 'honest' : (left.shift() ?? 'honest')
        return loadOf(load, { limit, closedShare, draw })
      }
      const sweep = await sweepRates(measure, scenario, options, { slo, steps: 5 })
      const text = renderSweep(sweep)
      const { capacity, closed } = sweep
      for (const { level, kept, measurement } of sweep.steps) {
        expect(kept).toBe(measurement.void === undefined ? judgeSlo(measurement, slo) === 'kept' : undefined)
        if (capacity !== undefined && level <= capacity) expect(kept).toBe(true)
        if (capacity !== undefined && level > capacity) expect(kept).not.toBe(true)
      }
      const lowestMiss = sweep.steps.find(step => step.kept === false)?.level ?? Number.POSITIVE_INFINITY
      const isContradicted = closed && judgeSlo(closed, slo) === 'kept' && lowestMiss < 0.8 * closed.rate
      if (isContradicted) expect(capacity).toBeUndefined()
      const said = /Capacity: (cannot tell|at least|[0-9])/.exec(text)?.[1] ?? 'none kept'
      const next = sweep.steps.find(step => step.level > (capacity ?? 0) && step.kept !== true)
      const isBounded = next?.kept === false
      if (isContradicted) expect(said).toBe('cannot tell')
      else if (capacity !== undefined) expect(said).toMatch(isBounded ? /[0-9]/ : /at least/)
      else expect(said).toBe(isBounded ? 'none kept' : 'cannot tell')
    }),
    { numRuns: 100 },
  )
})

it('measures a void step again, and does not count it as a miss', async () => {
  const tried = new Map<number, number>()
  const measure: Measure = async load => {
    const count = (tried.get(load.rate ?? 0) ?? 0) + 1
    tried.set(load.rate ?? 0, count)
    const draw = load.mode === 'open' && count === 1 ? 'void' : 'honest'
    return loadOf(load, { limit: 10_000, closedShare: 1, draw })
  }
  const sweep = await sweepRates(measure, scenario, options, { slo: parseSlo('p95=35ms'), steps: 4 })
  expect(sweep.capacity).toBeGreaterThan(9000)
  expect([...tried.values()].every(count => count === 2 || count === 1)).toBe(true)
})

it('says that a rate which kept its latency was not reached, not that it missed', async () => {
  const measure: Measure = async load =>
    loadOf(load, { limit: 1000, closedShare: 1, draw: (load.rate ?? 0) > 1000 ? 'short' : 'honest' })
  const sweep = await sweepRates(measure, scenario, options, { slo: parseSlo('p95=35ms'), steps: 4 })
  const text = renderSweep(sweep)
  expect(text).toContain('| not reached |')
  expect(text).toMatch(/do not \(only [0-9]+ rps were reached\)/)
})

it('shows the errors of a sweep by connections, with their reasons, and draws no curve through them', async () => {
  const failing: Measure = async load => {
    const measurement = await queue(load, '')
    return load.connections === 7 && measurement ? { ...measurement, failures: { reset: 3 } } : measurement
  }
  const sweep = await sweepConnections(failing, scenario, options, 7)
  const text = renderSweep(sweep)
  expect(text).toMatch(/^\| 14 conn\. .*\|\s+\|$/m)
  expect(text).toMatch(/^\| 7 conn\. {2}.*\| errors \|$/m)
  expect(text).toContain('FAILED 7 connections: 3 errors (3 × reset).')
  expect(exitCodeOfSweeps({ cutShort: false, sweeps: [sweep] })).toBe(1)
})

it('ends with the exit code of what it found', async () => {
  const slo = parseSlo('p95=35ms')
  const sweepWith = async (drawOf: (load: LoadOptions) => Draw): Promise<Sweep> =>
    sweepRates(
      async load => loadOf(load, { limit: 1000, closedShare: 1, draw: drawOf(load) }),
      scenario,
      options,
      { slo, steps: 4 },
    )
  const beyond = (draw: Draw) => (load: LoadOptions) => ((load.rate ?? 0) > 500 ? draw : 'honest')
  const codeOf = (sweep: Sweep, cutShort = false): number => exitCodeOfSweeps({ cutShort, sweeps: [sweep] })
  expect(codeOf(await sweepWith(beyond('honest')))).toBe(0)
  expect(codeOf(await sweepWith(beyond('void')))).toBe(3)
  // The closed loop kept the objective at twice that rate.
  expect(codeOf(await sweepWith(beyond('errors')))).toBe(3)
  expect(codeOf(await sweepWith(load => (load.mode === 'closed' ? 'void' : 'honest')))).toBe(1)
  expect(codeOf(await sweepWith(beyond('honest')), true)).toBe(130)
})

type Draw = 'honest' | 'void' | 'late' | 'errors' | 'short'

const [quick, late] = [2, 200].map(ms => {
  const histogram = createHistogram()
  for (let i = 0; i < 100; i++) recordMs(histogram, ms)
  return encodeHistogram(histogram)
}) as [string, string]

/** What a service with this limit brings, where the machine does what was drawn. */
function loadOf(
  { mode, rate = 0 }: LoadOptions,
  { limit, closedShare, draw }: { limit: number; closedShare: number; draw: Draw },
): Measurement {
  const [round] = scenarioOf([0]).rounds
  const [endpoint] = round?.endpoints ?? []
  if (!round || !endpoint) throw new Error('there is no round')
  const isLate = draw === 'late' || (mode === 'open' && rate > limit && draw !== 'short')
  const reached = mode === 'closed' ? limit * closedShare : Math.min(rate, limit)
  return {
    ...round,
    rate: draw === 'short' ? reached * 0.5 : reached,
    ...(mode === 'open' && { intendedRate: rate }),
    ...(draw === 'void' && { void: 'the generator was saturated' }),
    failures: draw === 'errors' ? { reset: 3 } : {},
    endpoints: [{ ...endpoint, histogram: isLate ? late : quick }],
  }
}
