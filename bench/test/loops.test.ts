/** What the load generators send and count. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Generator, startGenerator } from '../load/generator-client.ts'
import { judge } from '../load/open.ts'
import { createRecorder } from '../load/recorder.ts'
import { createSchedule } from '../load/schedule.ts'
import { mean, standardDeviation } from '../stats/summary.ts'
import { closedJob, openJob, percentileOf } from './helpers/jobs.ts'
import { scenarioOf } from './helpers/results.ts'
import { against } from './helpers/target.ts'

let generator: Generator

beforeAll(async () => {
  generator = await startGenerator()
})
afterAll(() => generator.stop())

describe('closed loop', () => {
  it('voids a run exactly when it had no time left itself', () =>
    against('trivial', async ({ origin }) => {
      const { generator: figures, void: reason } = await generator.run(closedJob(origin, { connections: 50 }))
      expect(reason !== undefined).toBe(figures.utilisation > 0.95)
    }))

  it('keeps the endpoints of a mix apart, and their statuses', () =>
    against('two-speeds', async ({ origin }) => {
      const endpoint = (path: string, expected?: number[]) => ({
        name: path,
        method: 'GET',
        path,
        ...(expected && { expect: expected }),
      })
      const endpoints = [
        endpoint('/fast'),
        endpoint('/slow'),
        endpoint('/gone', [404]),
        endpoint('/gone/too'),
      ]
      const { endpoints: figures } = await generator.run(closedJob(origin, { endpoints, connections: 4 }))
      const [fast, slow, gone, unexpected] = figures
      const p50 = (of: typeof fast) =>
        percentileOf({ endpoints: [of] } as Parameters<typeof percentileOf>[0], 50)
      expect(p50(fast)).toBeLessThan(25)
      expect(p50(slow)).toBeGreaterThanOrEqual(29)
      expect(gone?.statuses).toEqual({ 404: gone?.requests })
      expect(unexpected).toMatchObject({ requests: 0 })
      expect(unexpected?.unexpected).toBeGreaterThan(0)
    }))
})

describe('a session', () => {
  const endpoints = [
    {
      name: 'POST /',
      method: 'POST',
      path: '/',
      body: { token: '{{session.token}}' },
      capture: { token: 'next.token' },
    },
  ]
  const data = { sessions: [0, 1, 2, 3].map(i => ({ token: `first-${i}` })) }

  it('carries a one-use token from response to request, in both loops and from one to the next', () =>
    against('chained', async ({ origin }) => {
      generator.setData('tokens', data)
      const job = { endpoints, dataKey: 'tokens', connections: 4, duration: 0.5 }
      for (const each of [closedJob(origin, job), openJob(origin, job), closedJob(origin, job)]) {
        const { endpoints: figures, failures } = await generator.run(each)
        expect(failures).toEqual({})
        expect(figures[0]).toMatchObject({ unexpected: 0 })
        expect(figures[0]?.requests).toBeGreaterThan(10)
      }
    }))
})

describe('closed loops in turns', () => {
  it('lose no request where one rests: a one-use token is carried on', () =>
    against('chained', async ({ origin }) => {
      const jobs = [0, 2].map(first => {
        const dataKey = `tokens-${first}`
        generator.setData(dataKey, { sessions: [first, first + 1].map(i => ({ token: `first-${i}` })) })
        const post = { name: 'POST /', method: 'POST', path: '/', body: { token: '{{session.token}}' } }
        const capturing = [{ ...post, capture: { token: 'next.token' } }]
        return closedJob(origin, { endpoints: capturing, dataKey, connections: 2 })
      })
      const { run, close } = await generator.openTurns(jobs, new AbortController().signal)
      for (const { endpoints: figures, failures } of [...(await run(0.3)), ...(await run(0.3))]) {
        expect(failures).toEqual({})
        expect(figures[0]).toMatchObject({ unexpected: 0 })
        expect(figures[0]?.requests).toBeGreaterThan(10)
      }
      await close()
    }))
})

describe('open loop', () => {
  it('voids a run that the generator spoilt, and no other', () => {
    const [measurement] = scenarioOf([1000]).rounds
    if (!measurement) throw new Error('there is no round')
    const reason = (rate: number, utilisation: number, lateP99Ms: number): string | undefined =>
      judge(rate, { ...measurement, generator: { cpu: 0.3, utilisation, lateP99Ms } }).void
    expect(reason(1000, 0.5, 0.2)).toBeUndefined()
    expect(reason(1000, 0.97, 0.2)).toMatch(/saturated at 1000\/s \(its event loop was 97 % busy/)
    // The server did not keep up with 2,000/s; with an idle generator that is its own fault.
    expect(reason(2000, 0.5, 0.2)).toBeUndefined()
    expect(reason(2000, 0.85, 0.2)).toContain('saturated')
    // The p99 of these rounds is 99 ms.
    expect(reason(1000, 0.5, 9)).toBeUndefined()
    expect(reason(1000, 0.5, 12)).toContain('sent its requests late at 1000/s (12.0 ms at p99')
  })
})

describe('the rate of a window', () => {
  it('has the responses to requests of the warm-up in it, which no latency and no count of requests has', () => {
    const recorder = createRecorder([{ name: 'GET /', method: 'GET', path: '/' }])
    recorder.lateResponse(0, 200)
    recorder.open()
    for (const status of [200, 200, 500]) recorder.lateResponse(0, status)
    recorder.response(0, 200, 1, performance.now())
    recorder.shut()
    recorder.lateResponse(0, 200)
    const { rate, seconds, endpoints } = recorder.finish()
    expect(rate * seconds).toBeCloseTo(3)
    expect(endpoints[0]).toMatchObject({ requests: 1, statuses: { 200: 1 } })
  })
})

describe('arrivals', () => {
  it('are evenly spaced when constant', () => {
    const schedule = createSchedule(200, [2], 'constant', 1)
    expect(schedule).toHaveLength(400)
    expect(schedule[1]).toBe(5)
  })

  it('have exponential gaps when Poisson, the same for the same seed', () => {
    const schedule = createSchedule(1000, [20], 'poisson', 1)
    const gaps = [...schedule].slice(1).map((at, i) => at - (schedule[i] ?? 0))
    // An exponential distribution's standard deviation is its mean.
    expect(mean(gaps)).toBeCloseTo(1, 1)
    expect(standardDeviation(gaps)).toBeCloseTo(1, 1)
    expect(createSchedule(1000, [20], 'poisson', 1)).toEqual(schedule)
  })

  it.for([
    [100, 1, 3],
    [7, 0, 3],
    [30, 0.2, 0.5],
    [0.1, 1, 1],
  ] as const)(
    'are as many as were asked for, in each part of a load (%d/s, %d s and %d s)',
    ([rate, warmup, duration]) => {
      for (let seed = 1; seed <= 20; seed++) {
        const schedule = [...createSchedule(rate, [warmup, duration], 'poisson', seed)]
        const inWindow = schedule.filter(at => at >= warmup * 1000)
        expect(inWindow).toHaveLength(Math.max(1, Math.round(rate * duration)))
        expect(Math.max(...schedule)).toBeLessThan((warmup + duration) * 1000)
        expect(schedule).toEqual(schedule.toSorted((a, b) => a - b))
      }
    },
  )
})
