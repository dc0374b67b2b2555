/** Performance Metrics: figures of this commit on this machine, or the words "not measured". */
import { expect, it } from 'vitest'
import { UsageError } from '../../harness/errors.ts'
import { describeMachine } from '../../harness/machine.ts'
import { ROOT } from '../generate.ts'
import type { Repository } from '../git.ts'
import type { Bench, EndpointFigures, Figures } from '../sections/performance/bench.ts'
import { preparePerformance } from '../sections/performance/collector.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const repository: Repository = {
  root: ROOT,
  version: { commit: COMMIT, dirty: false },
  files: async () => [],
}

const ENDPOINT: EndpointFigures = {
  endpoint: 'GET /users/:id',
  rounds: 4,
  requests: 400,
  errors: 0,
  meanMs: { value: 10.04, interval: [9.9, 10.1] },
  p95Ms: 12,
  throughput: { value: 500, interval: [490, 510] },
  percentiles: [
    [50, 10],
    [95, 12],
  ],
  serverCpuUsPerRequest: 900,
}

const FIGURES: Figures = {
  cutShort: false,
  machine: { ...describeMachine(), postgres: '18.4' },
  code: { commit: COMMIT, dirty: false },
  run: { mode: 'closed', connections: 5, rounds: 4, duration: 1, quick: true },
  endpoints: [ENDPOINT],
}

const GET_USER = {
  scenario: 'get-user',
  endpoint: 'GET /users/:id',
  method: 'GET',
  path: '/api/v1/users/{{users.id}}',
}

/** A benchmark suite with one result. */
function suiteWith(change: Partial<Figures> = {}): Bench {
  return {
    listEndpoints: async () => [GET_USER],
    readFigures: async () => ({ ...FIGURES, ...change }),
  }
}

async function rowsOf(change: Partial<Figures> = {}, options: { bench?: string; since?: string } = {}) {
  const { bench = 'result.json', since } = options
  const measure = await preparePerformance({ bench, since, app: undefined }, async () => suiteWith(change))
  return measure(repository, AbortSignal.abort())
}

it('shows mean, p95 and throughput of each endpoint, with samples, intervals and percentiles', async () => {
  const [row, ...others] = await rowsOf()
  expect(row?.cells).toEqual(['GET /users/:id', '10ms', '12ms', '500 rps'])
  expect(row?.state).toBe('pass')
  expect(others).toEqual([])
  expect(row?.evidence).toMatchObject([
    { value: '0', met: true },
    { what: 'mean latency', samples: 400, interval: [9.9, 10.1] },
    { what: 'latency', percentiles: ENDPOINT.percentiles },
    { what: 'throughput', value: 500, samples: 4, unit: 'requests/s', interval: [490, 510] },
    { what: 'server CPU per request', value: 900, unit: 'µs' },
    { what: expect.stringMatching(/^closed loop, 5 connections, 4 rounds of 1 s, quick; .*; 0123456789$/) },
  ])
})

it('fails where requests did not get the expected response', async () => {
  const [row] = await rowsOf({ endpoints: [{ ...ENDPOINT, errors: 3 }] })
  expect(row?.state).toBe('fail')
})

it.each<[string, Partial<Figures>, RegExp]>([
  ['of another commit', { code: { commit: 'fedcba9876543210' } }, /of commit fedcba9876/],
  ['that was cut short', { cutShort: true }, /cut short/],
  ['of another machine', { machine: { ...describeMachine(), cores: 999 } }, /another machine: cores differ/],
  ['of a dirty tree', { code: { commit: COMMIT, dirty: true } }, /dirty/],
  ['that is void', { endpoints: [{ ...ENDPOINT, void: 'the generator was busy' }] }, /generator was busy/],
])('says "not measured" for a result %s', async (_name, change, why) => {
  expectUnmeasured(await rowsOf(change), why)
})

it('says "not measured" for every endpoint of the suite where no bench was run', async () => {
  const rows = await rowsOf({}, { bench: 'none' })
  expect(rows.map(({ cells }) => cells[0])).toEqual(['GET /users/:id'])
  expectUnmeasured(rows, /no bench was run/)
})

it('shows a change as ratios with intervals, beside the new figures', async () => {
  const ratio = {
    metric: 'throughput',
    verdict: 'slower',
    value: 0.5,
    interval: [0.4, 0.6] as [number, number],
  }
  const base = { requests: 400, rounds: 8, p95Ms: 6, percentiles: ENDPOINT.percentiles, ratios: [ratio] }
  const [row] = await rowsOf({ endpoints: [{ ...ENDPOINT, base }] }, { since: 'v1' })
  expect(row?.evidence.slice(-2)).toEqual([
    expect.objectContaining({ what: 'latency in v1', value: 6, percentiles: ENDPOINT.percentiles }),
    {
      kind: 'measurement',
      what: 'throughput, after / before: slower',
      unit: 'ratio',
      value: 0.5,
      samples: 8,
      interval: [0.4, 0.6],
    },
  ])
})

it('reports a result that cannot be read before anything is started', async () => {
  const bench: Bench = {
    ...suiteWith(),
    readFigures: () => Promise.reject(new UsageError('there is no result "x.json"')),
  }
  const prepared = preparePerformance(
    { bench: 'x.json', since: undefined, app: undefined },
    async () => bench,
  )
  await expect(prepared).rejects.toThrow('there is no result "x.json"')
})

it('has one row in a repository without a benchmark suite', async () => {
  for (const bench of ['quick', 'none', 'result.json']) {
    const measure = await preparePerformance(
      { bench, since: undefined, app: undefined },
      async () => undefined,
    )
    const rows = await measure(repository, AbortSignal.abort())
    expect(rows.map(({ cells }) => cells.join(' '))).toEqual([
      'not measured: this repository has no benchmark suite – – –',
    ])
  }
})

function expectUnmeasured(rows: Awaited<ReturnType<typeof rowsOf>>, why: RegExp): void {
  expect(rows.length).toBeGreaterThan(0)
  for (const { cells, state, evidence } of rows) {
    expect(cells.slice(1)).toEqual(['not measured', 'not measured', 'not measured'])
    expect(state).toBe('not verified')
    expect(evidence[0]).toMatchObject({ value: expect.stringMatching(why) })
  }
}
