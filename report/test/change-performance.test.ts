/** The measurements of a change: both versions in turns, what became slower, and what is new. */
import { describe, expect, it } from 'vitest'
import { RunError } from '../../harness/errors.ts'
import { describeMachine } from '../../harness/machine.ts'
import { findNewRoutes, type NewRoute } from '../change/new-routes.ts'
import type { Context } from '../context.ts'
import { exitCodeOf } from '../exit-codes.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Bench, EndpointFigures, Figures, Run } from '../sections/performance/bench.ts'
import type { Change } from '../sections/performance/change.ts'
import { preparePerformance } from '../sections/performance/collector.ts'
import { performanceForm } from '../sections/performance/form.ts'
import { sampleReport } from './helpers/sample-report.ts'

const GET_USER = {
  scenario: 'get-user',
  endpoint: 'GET /users/:id',
  method: 'GET',
  path: '/api/v1/users/{{users.id}}',
}
const LIST_TEAMS = {
  scenario: 'list-teams',
  endpoint: 'GET /teams',
  method: 'GET',
  path: '/api/v1/teams?limit=20',
}
const SUITE: Bench = {
  listEndpoints: async () => [GET_USER, LIST_TEAMS],
  readFigures: async () => figuresOf([]),
}
const PLAIN: NewRoute = {
  method: 'GET',
  url: '/api/v1/tags',
  scenario: {
    name: 'new-get-tags',
    endpoints: [{ name: 'GET /api/v1/tags', method: 'GET', path: '/api/v1/tags' }],
  },
}
const CHANGE: Change = {
  ref: 'main',
  commit: '0123456789',
  routes: [{ method: 'GET', url: '/api/v1/users/:id' }],
  added: [{ method: 'GET', url: '/api/v1/teams', why: 'it has one' }, PLAIN, postOf('it has no scenario')],
}

function postOf(why: string): NewRoute {
  return { method: 'POST', url: '/api/v1/tags', why }
}

function endpointOf(endpoint: string, base?: EndpointFigures['base']): EndpointFigures {
  return {
    endpoint,
    rounds: 12,
    requests: 1200,
    errors: 0,
    meanMs: { value: 10 },
    p95Ms: 12,
    throughput: { value: 500 },
    percentiles: [[95, 12]],
    ...(base && { base }),
  }
}

function figuresOf(endpoints: EndpointFigures[]): Figures {
  return {
    cutShort: false,
    machine: { ...describeMachine() },
    code: { commit: '0123456789', dirty: false },
    run: { mode: 'closed', connections: 5, rounds: 6, duration: 1, quick: true },
    endpoints,
  }
}

/** The base of an endpoint whose throughput changed by this factor. */
function baseOf(value: number, slower: boolean, disturbed = false): EndpointFigures['base'] {
  const verdict = slower ? 'slower' : 'no difference'
  const interval: [number, number] = [value * 0.98, value * 1.02]
  const ratios = [{ metric: 'throughput', verdict, slower, value, interval }]
  return { requests: 1200, rounds: 12, p95Ms: 6, percentiles: [[95, 6]], ratios, disturbed }
}

/** Returns the rows, and the runs of the bench. `results` are the figures or errors of the runs, in their order. */
async function measure(results: (EndpointFigures[] | Error)[], { bench = 'quick', change = CHANGE } = {}) {
  const runs: Omit<Run, 'signal'>[] = []
  const prepared = await preparePerformance(
    { bench, since: 'main', app: undefined },
    async () => SUITE,
    async (_suite, { signal: _signal, ...run }) => {
      runs.push(run)
      const result = results[runs.length - 1]
      if (result === undefined || result instanceof Error) throw result ?? new Error('one run too many')
      return figuresOf(result)
    },
  )
  const rows = await prepared(undefined, new AbortController().signal, change)
  for (const { cells } of rows) expect(performanceForm.checkCells?.(cells)).toEqual([])
  return { rows, runs }
}

const OWN = [endpointOf('GET /teams'), endpointOf('GET /api/v1/tags')]

describe('the measurements of a change', () => {
  it('are of both versions in turns where both have the route, and of the head alone where it is new', async () => {
    const { rows, runs } = await measure([[endpointOf('GET /users/:id', baseOf(1, false))], OWN])
    expect(runs).toEqual([
      { kind: 'quick', base: '0123456789', scenarios: ['get-user'] },
      { kind: 'quick', scenarios: ['list-teams'], generated: 'scenario' in PLAIN ? [PLAIN.scenario] : [] },
    ])
    expect(rows.map(({ cells, state, change }) => [cells[0], cells[1], state, change])).toEqual([
      ['GET /users/:id', '10ms', 'pass', 'unchanged'],
      ['GET /teams', '10ms', 'pass', 'added'],
      ['GET /api/v1/tags', '10ms', 'pass', 'added'],
      ['POST /api/v1/tags', 'not measured', 'not verified', 'added'],
    ])
    expect(rows[3]?.evidence[0]).toMatchObject({ what: 'not measured', value: 'it has no scenario' })
  })

  it('name what became slower in the first cell, and end with a code of their own', async () => {
    const { rows } = await measure([[endpointOf('GET /users/:id', baseOf(0.05, true))], OWN])
    expect(rows[0]).toMatchObject({
      id: 'GET /users/:id',
      cells: [
        'GET /users/:id (slower than main: throughput × 0.05, 0.049 to 0.051)',
        '10ms',
        '12ms',
        '500 rps',
      ],
      state: 'fail',
      change: 'slower',
    })
    const report = sampleReport({ performance: rows })
    const performance = report.sections.filter(({ id }) => id === 'performance')
    expect(exitCodeOf({ sections: performance }, 'quick')).toBe(4)
    const broken = { ...endpointOf('GET /users/:id', baseOf(0.05, true)), errors: 3 }
    const failed = sampleReport({ performance: (await measure([[broken], OWN])).rows })
    expect(exitCodeOf(failed, 'quick')).toBe(1)
  })

  it('are not verified where other processes took the CPU, unless they are far apart', async () => {
    const { rows } = await measure([[endpointOf('GET /users/:id', baseOf(0.9, false, true))], OWN])
    expect(rows[0]).toMatchObject({
      cells: ['GET /users/:id', '10ms', '12ms', '500 rps'],
      state: 'not verified',
    })
    expect(rows[0]?.change).toBeUndefined()
    expect(rows[0]?.evidence[0]).toMatchObject({
      what: 'compared with main',
      value: expect.stringMatching(/^cannot tell/),
    })
    const far = await measure([[endpointOf('GET /users/:id', baseOf(0.05, true, true))], OWN])
    expect(far.rows[0]?.change).toBe('slower')
  })

  it('are of the head alone, and not verified, where the base cannot be measured', async () => {
    const all = [endpointOf('GET /users/:id'), ...OWN]
    const { rows, runs } = await measure([new RunError('the base did not start'), all])
    expect(runs[1]?.scenarios).toEqual(['get-user', 'list-teams'])
    expect(rows[0]).toMatchObject({
      cells: ['GET /users/:id', '10ms', '12ms', '500 rps'],
      state: 'not verified',
    })
    expect(rows[0]?.evidence[0]).toMatchObject({
      what: 'not compared with main',
      value: 'the base did not start',
    })
    expect(rows[1]).toMatchObject({ state: 'pass', change: 'added' })
  })

  it('are not measured, with the reason, where the bench fails', async () => {
    const { rows } = await measure([new RunError('no database'), new RunError('no database')])
    expect(rows.map(({ id }) => id)).toEqual([
      'GET /users/:id',
      'GET /teams',
      'GET /api/v1/tags',
      'POST /api/v1/tags',
    ])
    expect(rows.every(({ cells }) => cells[1] === 'not measured')).toBe(true)
  })

  it('hide no error of the report itself', async () => {
    await expect(measure([new TypeError('a mistake')])).rejects.toThrow('a mistake')
  })

  it('name the new routes where no bench was run', async () => {
    const { rows, runs } = await measure([], { bench: 'none' })
    expect(runs).toEqual([])
    expect(rows.map(({ id, change }) => [id, change])).toEqual([
      ['GET /users/:id', undefined],
      ['GET /teams', undefined],
      ['GET /api/v1/tags', 'added'],
      ['POST /api/v1/tags', 'added'],
    ])
  })
})

describe('a new route', () => {
  const route = (method: string, url: string, more: Partial<ObservedRoute> = {}): ObservedRoute => ({
    method,
    url,
    summary: undefined,
    guard: undefined,
    security: [],
    handler: '',
    place: undefined,
    schemas: {},
    statuses: [],
    isHidden: false,
    readsBody: false,
    ...more,
  })

  /** Finds the new routes of a head that responds with `status`. Returns the requests too. */
  async function find(routes: ObservedRoute[], base: ObservedRoute[] = [], status = 200) {
    const calls: string[] = []
    const call = async (method: string, path: string, { token }: { token?: string } = {}) => {
      calls.push([method, path, token].filter(Boolean).join(' '))
      if (path === '/broken') throw new Error('no response within 15 s')
      return { status }
    }
    const actor = (accessToken: string) => async () => ({ accessToken })
    const service = { actors: { user: actor('of a user'), admin: actor('of an admin') } }
    const context = { routes, http: { client: () => ({ call }) }, service } as unknown as Context
    return { found: await findNewRoutes(context, base), calls }
  }

  it('gets a scenario that is a plain GET, with the credentials that its guard asks for', async () => {
    const { found, calls } = await find(
      [
        route('GET', '/old'),
        route('GET', '/open'),
        route('GET', '/mine', { guard: 'JWT', security: ['bearer'] }),
        route('GET', '/all', { guard: 'JWT + admin', security: ['bearer'] }),
      ],
      [route('GET', '/old'), route('POST', '/open')],
    )
    expect(calls).toEqual(['GET /open', 'GET /mine of a user', 'GET /all of an admin'])
    const headersOf = (found: NewRoute) => 'scenario' in found && found.scenario.endpoints[0]?.headers
    expect(found.map(headersOf)).toEqual([
      undefined,
      { authorization: 'Bearer {{session.accessToken}}' },
      { authorization: 'Bearer {{admins.accessToken}}' },
    ])
  })

  it('takes required parameters from the examples of the API', async () => {
    const params = { properties: { kind: { enum: ['a b', 'c'] } } }
    const querystring = { properties: { day: { examples: ['2026-01-31'] } }, required: ['day'] }
    const { found } = await find([route('GET', '/kinds/:kind', { schemas: { params, querystring } })])
    expect(found[0]).toMatchObject({
      scenario: { name: 'new-get-kinds-kind', endpoints: [{ path: '/kinds/a%20b?day=2026-01-31' }] },
    })
  })

  it.each<[string, ObservedRoute, RegExp]>([
    ['of another method', route('POST', '/notes'), /only a GET/],
    ['of an object', route('GET', '/notes/:id'), /parameter has no example/],
    ['with a wildcard', route('GET', '/files/*'), /parameter has no example/],
    ['with another guard', route('GET', '/metrics', { guard: 'Metrics token' }), /no credentials/],
    ['that does not respond', route('GET', '/broken'), /no response within 15 s/],
  ])('has a reason instead of a scenario: one %s', async (_name, added, why) => {
    const { found } = await find([added])
    expect(found).toEqual([{ method: added.method, url: added.url, why: expect.stringMatching(why) }])
  })

  it('has the status as the reason where a plain GET is refused', async () => {
    const { found } = await find([route('GET', '/x')], [], 422)
    expect(found).toMatchObject([{ why: expect.stringMatching(/gets 422$/) }])
  })
})
