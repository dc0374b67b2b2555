/** What other packages read of the bench: the endpoints of the suite, and the figures of a result. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { describeMachine } from '../../harness/machine.ts'
import { SERVICE_ID, SERVICE_NAME } from '../../src/config/service-name.ts'
import { listEndpoints, readFigures } from '../index.ts'
import { createHistogram, encodeHistogram, recordMs } from '../result/histogram.ts'
import type { Measurement, Result } from '../result/schema.ts'

const OPTIONS: Result['options'] = {
  mode: 'closed',
  connections: 5,
  rounds: 4,
  duration: 1,
  warmup: 0,
  timeout: 1,
  seed: 1,
}
const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-figures-`))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('lists each endpoint that has a scenario of its own, and no mix', async () => {
  const endpoints = await listEndpoints()
  expect(endpoints).toContainEqual({
    scenario: 'get-user',
    endpoint: 'GET /users/:id',
    method: 'GET',
    path: '/api/v1/users/{{users.id}}',
  })
  expect(endpoints.map(({ scenario }) => scenario)).not.toContain('mix')
})

it('has mean, p95 and throughput of each endpoint, with samples, intervals and percentiles', async () => {
  const figures = await figuresOf({})
  expect(figures.run).toEqual({ mode: 'closed', connections: 5, rounds: 4, duration: 1, quick: true })
  expect(figures.endpoints).toEqual([
    {
      endpoint: 'GET /users/:id',
      rounds: 4,
      requests: 400,
      errors: 0,
      meanMs: { value: expect.closeTo(10, 1), interval: [expect.closeTo(10, 1), expect.closeTo(10, 1)] },
      p95Ms: expect.closeTo(10, 1),
      throughput: { value: 500, interval: [500, 500] },
      percentiles: expect.arrayContaining([[50, expect.closeTo(10, 1)]]),
    },
  ])
})

it('leaves out a mix, which is not one endpoint', async () => {
  const [endpoint] = measurement(10, 500).endpoints
  if (!endpoint) throw new Error('there is no endpoint')
  const mix = { ...measurement(10, 500), endpoints: [endpoint, endpoint] }
  expect((await figuresOf({ scenarios: [{ name: 'mix', rounds: [mix, mix] }] })).endpoints).toEqual([])
})

it('counts requests without the expected response, and says why figures are void', async () => {
  const round = { ...measurement(10, 500), failures: { timeout: 3 }, void: 'the generator was busy' }
  const { endpoints } = await figuresOf({ scenarios: [{ name: 'get-user', rounds: [round, round] }] })
  expect(endpoints).toMatchObject([{ errors: 6, void: 'the generator was busy' }])
})

it('has the figures of the version before, and ratios with intervals', async () => {
  const roundsOf = (ms: number, rate: number) =>
    Array.from({ length: 8 }, (_, index) => measurement(ms + (index % 3) / 10, rate + (index % 3)))
  const { endpoints } = await figuresOf({
    scenarios: [{ name: 'get-user', rounds: roundsOf(20, 250) }],
    base: [{ name: 'get-user', rounds: roundsOf(10, 500) }],
    baseSubject: 'v1',
  })
  const base = endpoints[0]?.base
  expect(base).toMatchObject({ requests: 800, rounds: 8, p95Ms: expect.closeTo(10.2, 1) })
  const throughput = base?.ratios.find(({ metric }) => metric === 'throughput')
  expect(throughput).toMatchObject({ verdict: 'slower', slower: true, value: expect.closeTo(0.5, 1) })
  // A p95 is shown, and no verdict rests on it.
  expect(base?.ratios.find(({ metric }) => metric === 'p95')).toMatchObject({
    verdict: 'slower',
    slower: false,
  })
  const [low = 0, high = 0] = throughput?.interval ?? []
  expect(low).toBeGreaterThan(0.4)
  expect(high).toBeLessThan(0.6)
})

it('calls nothing slower by less than 5 %, and by less than half where others took the CPU', async () => {
  const roundsOf = (rate: number, othersCpu = 0) =>
    Array.from({ length: 8 }, (_, index) => ({ ...measurement(10, rate + (index % 3)), othersCpu }))
  const slowerOf = async (head: Measurement[], base: Measurement[]) => {
    const { endpoints } = await figuresOf({
      scenarios: [{ name: 'get-user', rounds: head }],
      base: [{ name: 'get-user', rounds: base }],
      options: { ...OPTIONS, busyLimit: 0.1 },
    })
    return endpoints[0]?.base?.ratios.filter(({ slower }) => slower).map(({ metric }) => metric)
  }
  expect(await slowerOf(roundsOf(480), roundsOf(500))).toEqual([])
  expect(await slowerOf(roundsOf(250), roundsOf(500))).toEqual(['throughput'])
  expect(await slowerOf(roundsOf(400, 0.5), roundsOf(500, 0.5))).toEqual([])
  expect(await slowerOf(roundsOf(250, 0.5), roundsOf(500, 0.5))).toEqual(['throughput'])
})

it('refuses a file that is not a result', async () => {
  await expect(readFigures('no-such-result.json')).rejects.toThrow('there is no result "no-such-result.json"')
})

async function figuresOf(change: Partial<Result>) {
  const file = join(folder, `${crypto.randomUUID()}.json`)
  const result: Result = {
    kind: `${SERVICE_NAME}-bench`,
    schemaVersion: 1,
    subject: SERVICE_NAME,
    createdAt: '2026-01-31T00:00:00Z',
    quick: true,
    cutShort: false,
    fingerprint: { machine: describeMachine(), code: { commit: '0123456789abcdef', dirty: false } },
    environment: {},
    options: OPTIONS,
    scenarios: [{ name: 'get-user', rounds: Array.from({ length: 4 }, () => measurement(10, 500)) }],
    ...change,
  }
  writeFileSync(file, JSON.stringify(result))
  return readFigures(file)
}

function measurement(ms: number, rate: number): Measurement {
  const histogram = createHistogram()
  for (let count = 0; count < 100; count++) recordMs(histogram, ms)
  return {
    startedAt: 0,
    seconds: 1,
    rate,
    failures: {},
    endpoints: [
      {
        name: 'GET /users/:id',
        requests: 100,
        statuses: { '200': 100 },
        unexpected: 0,
        histogram: encodeHistogram(histogram),
      },
    ],
    timeline: { bucketMs: 100, counts: [100] },
    generator: { cpu: 0.1, utilisation: 0.1 },
  }
}
