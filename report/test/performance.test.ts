/** Performance Metrics: figures of this very commit on this very machine, or the words "not measured". */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { takeFingerprint } from '../../bench/result/fingerprint.ts'
import { createHistogram, encodeHistogram, recordMs } from '../../bench/result/histogram.ts'
import type { Fingerprint, Measurement, Result } from '../../bench/result/schema.ts'
import { SERVICE_ID, SERVICE_NAME } from '../../src/config/service-name.ts'
import { ROOT } from '../../test/helpers/report.ts'
import { preparePerformance } from '../collectors/performance.ts'
import type { Repository } from '../git.ts'

const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-performance-`))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const repository: Repository = {
  root: ROOT,
  version: { commit: COMMIT, dirty: false },
  files: async () => [],
}

let here: Fingerprint

beforeAll(async () => {
  const { machine } = await takeFingerprint(ROOT)
  here = { machine, code: { commit: COMMIT, dirty: false } }
})

it('shows mean, p95 and throughput of each endpoint, with samples, intervals and percentiles', async () => {
  const [row, ...others] = await rowsOf({})
  expect(row?.cells).toEqual(['GET /users/:id', '10ms', '10ms', '500 rps'])
  expect(row?.state).toBe('pass')
  expect(others).toEqual([])
  const throughput = row?.evidence.find(item => item.kind === 'measurement' && item.what === 'throughput')
  expect(throughput).toMatchObject({ value: 500, samples: 4, unit: 'requests/s' })
  const latency = row?.evidence.find(item => item.kind === 'measurement' && item.what === 'latency')
  expect(latency).toMatchObject({ percentiles: expect.arrayContaining([[50, expect.closeTo(10, 1)]]) })
})

it('leaves out the mix, which is no endpoint', async () => {
  const mix = {
    ...measurement(10, 500),
    endpoints: [...measurement(10, 500).endpoints, ...measurement(10, 500).endpoints],
  }
  expect(await rowsOf({ scenarios: [{ name: 'mix', rounds: [mix, mix] }] })).toEqual([])
})

it('turns to fail where requests were not answered as expected', async () => {
  const failing = { ...measurement(10, 500), failures: { timeout: 3 } }
  const [row] = await rowsOf({ scenarios: [{ name: 'get-user', rounds: [failing, failing] }] })
  expect(row?.state).toBe('fail')
})

it.each<[string, Partial<Result>, RegExp]>([
  ['of another commit', { fingerprint: undefined as never }, /of commit fedcba9876/],
  ['that was cut short', { cutShort: true }, /cut short/],
])('says "not measured" for a result %s', async (_name, change, why) => {
  const foreign = { ...here, code: { commit: 'fedcba9876543210', dirty: false } }
  const rows = await rowsOf('fingerprint' in change ? { fingerprint: foreign } : change)
  expectUnmeasured(rows, why)
})

it('says "not measured" for a result of another machine, and of a tree that was dirty', async () => {
  expectUnmeasured(
    await rowsOf({ fingerprint: { ...here, machine: { ...here.machine, cores: 999 } } }),
    /another machine: cores differ/,
  )
  expectUnmeasured(await rowsOf({ fingerprint: { ...here, code: { commit: COMMIT, dirty: true } } }), /dirty/)
})

it('says "not measured" for every endpoint of the suite where no bench was run', async () => {
  const measure = await preparePerformance({ bench: 'none', since: undefined, app: undefined })
  const rows = await measure(repository, AbortSignal.abort())
  expect(rows.map(({ cells }) => cells[0])).toContain('GET /users/:id')
  expectUnmeasured(rows, /no bench was run/)
})

it('shows before and after of a change as ratios with intervals, beside the new figures', async () => {
  const rounds = Array.from({ length: 8 }, (_, index) =>
    measurement(10 + (index % 3) / 10, 500 + (index % 3)),
  )
  const slower = Array.from({ length: 8 }, (_, index) =>
    measurement(20 + (index % 3) / 10, 250 + (index % 3)),
  )
  const [row] = await rowsOf({
    scenarios: [{ name: 'get-user', rounds: slower }],
    base: [{ name: 'get-user', rounds }],
    baseSubject: 'v1',
  })
  expect(row?.cells.slice(0, 1)).toEqual(['GET /users/:id'])
  const ratios = row?.evidence.filter(item => item.kind === 'measurement' && item.unit === 'ratio') ?? []
  const throughput = ratios.find(item => 'what' in item && item.what.startsWith('throughput'))
  expect(throughput).toMatchObject({
    what: 'throughput, after / before: slower',
    value: expect.closeTo(0.5, 1),
  })
  const [low = 0, high = 0] = throughput && 'interval' in throughput ? (throughput.interval ?? []) : []
  expect(low).toBeGreaterThan(0.4)
  expect(high).toBeLessThan(0.6)
  expect(row?.evidence.filter(item => 'percentiles' in item)).toHaveLength(2)
})

async function rowsOf(change: Partial<Result>) {
  const file = join(folder, `${crypto.randomUUID()}.json`)
  const result: Result = {
    ...{
      kind: 'plumbline-bench',
      schemaVersion: 1,
      subject: SERVICE_NAME,
      createdAt: '2026-01-31T00:00:00Z',
    },
    ...{ quick: true, cutShort: false, fingerprint: here, environment: {} },
    options: { mode: 'closed', connections: 5, rounds: 4, duration: 1, warmup: 0, timeout: 1, seed: 1 },
    scenarios: [{ name: 'get-user', rounds: Array.from({ length: 4 }, () => measurement(10, 500)) }],
    ...change,
  }
  writeFileSync(file, JSON.stringify(result))
  const measure = await preparePerformance({ bench: file, since: undefined, app: undefined })
  return measure(repository, AbortSignal.abort())
}

function measurement(ms: number, rate: number): Measurement {
  const histogram = createHistogram()
  for (let count = 0; count < 100; count++) recordMs(histogram, ms)
  return {
    ...{ startedAt: 0, seconds: 1, rate, failures: {} },
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

function expectUnmeasured(rows: Awaited<ReturnType<typeof rowsOf>>, why: RegExp): void {
  expect(rows.length).toBeGreaterThan(0)
  for (const { cells, state, evidence } of rows) {
    expect(cells.slice(1)).toEqual(['not measured', 'not measured', 'not measured'])
    expect(state).toBe('not verified')
    expect(evidence[0]).toMatchObject({ value: expect.stringMatching(why) })
  }
}
