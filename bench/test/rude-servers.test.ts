/** Servers that close connections and cut responses: every lost response is counted, and nothing else is. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Generator, startGenerator } from '../load/generator-client.ts'
import type { Measurement } from '../result/schema.ts'
import { sumOf } from '../stats/summary.ts'
import { closedJob, openJob } from './helpers/jobs.ts'
import { type Counts, createRudeServer, type Rudeness } from './helpers/rude-server.ts'

const CONNECTIONS = 10
const TIMEOUT = 0.4
const ENOUGH = 200

let generator: Generator

beforeAll(async () => {
  generator = await startGenerator()
})
afterAll(() => generator.stop())

async function listening<T>(server: Server, work: (origin: string) => Promise<T>): Promise<T> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
  }
}

type Load = 'closed' | 'open' | 'turns'
const loads: Load[] = ['closed', 'open', 'turns']

/** Returns what each measurement of that load brought. */
async function run(load: Load, origin: string): Promise<Measurement[]> {
  const changes = { connections: CONNECTIONS, warmup: 0, duration: 0.2, timeout: TIMEOUT }
  if (load === 'closed') return [await generator.run(closedJob(origin, changes))]
  // What is lost in its warm-up counts, too.
  const halves = { warmup: 0.1, duration: 0.1, rate: 1000 }
  if (load === 'open') return [await generator.run(openJob(origin, { ...changes, ...halves }))]
  const { signal } = new AbortController()
  const jobs = ['a', 'b'].map(dataKey =>
    closedJob(origin, { ...changes, dataKey, connections: CONNECTIONS / 2 }),
  )
  const turns = await generator.openTurns(jobs, signal)
  const measurements = [...(await turns.run(0.1)), ...(await turns.run(0.1))]
  await turns.close()
  return measurements
}

type Seen = {
  counts: Counts
  measurements: Measurement[]
  failures: Record<string, number>
  failed: number
}

function runAgainst(rudeness: Rudeness, load: Load): Promise<Seen> {
  const { server, counts } = createRudeServer(rudeness)
  return listening(server, async origin => {
    const measurements: Measurement[] = []
    // On a machine that is busy elsewhere, one load may be of a few requests.
    while (counts.requests < ENOUGH) measurements.push(...(await run(load, origin)))
    const reasons = measurements.flatMap(({ failures }) => Object.entries(failures))
    const failures: Record<string, number> = {}
    for (const [reason, count] of reasons) failures[reason] = (failures[reason] ?? 0) + count
    return { counts, measurements, failures, failed: sumOf(Object.values(failures)) }
  })
}

const answeredOf = (measurements: Measurement[]): number =>
  sumOf(measurements.flatMap(({ endpoints }) => endpoints.map(({ requests }) => requests)))

describe('a server that says when it closes', () => {
  const rudenesses: Rudeness[] = [
    ...[1, 10, 100].map(closeEvery => ({ closeEvery })),
    { closeEvery: 10, framing: 'chunked' },
    { closeEvery: 10, framing: 'HTTP/1.0 keep-alive' },
    { framing: 'HTTP/1.0' },
    { framing: 'until close' },
  ]
  const cases: (Rudeness & { load: Load })[] = [
    ...rudenesses.map(rudeness => ({ ...rudeness, load: 'closed' as const })),
    { load: 'open', closeEvery: 10 },
    { load: 'open', framing: 'until close' },
    { load: 'turns', closeEvery: 10 },
  ]

  it.for(cases)('costs no request: $load $closeEvery $framing', async ({ load, ...rudeness }) => {
    const { counts, measurements, failures } = await runAgainst(rudeness, load)
    expect(failures).toEqual({})
    expect(answeredOf(measurements)).toBeGreaterThan(0)
    expect(answeredOf(measurements)).toBeLessThanOrEqual(counts.answered)
    expect(counts.requests).toBe(counts.answered)
    // None is opened that no request needs.
    expect(counts.connections).toBeLessThanOrEqual(CONNECTIONS * measurements.length + counts.closed)
  })
})

describe('a server that closes without a word after a whole response', () => {
  const cases = [1, 10, 100].flatMap(closeEvery =>
    (['FIN', 'half-closed', 'RST'] as const).map(ending => ({ closeEvery, ending })),
  )

  // A closed loop sends the next request before it can know: that one is lost, as it is for wrk.
  it.for(cases)('costs a closed loop one request each time: $ending after $closeEvery', async rudeness => {
    const { counts, measurements, failures, failed } = await runAgainst(rudeness, 'closed')
    const how = rudeness.ending === 'RST' ? 'reset' : 'closed'
    if (counts.closed > CONNECTIONS)
      expect(failures).toEqual({ [`connection ${how} before the response`]: failed })
    // After the last response of each connection there is no next request.
    expect(counts.closed - failed).toBeGreaterThanOrEqual(0)
    expect(counts.closed - failed).toBeLessThanOrEqual(CONNECTIONS * measurements.length)
    if (rudeness.ending === 'half-closed') await vi.waitFor(() => expect(counts.tooLate).toBe(failed))
  })

  it('costs nothing while loops in turns rest', async () => {
    const { server, counts, endIdle } = createRudeServer({})
    await listening(server, async origin => {
      const { signal } = new AbortController()
      const jobs = ['a', 'b'].map(dataKey => closedJob(origin, { dataKey, connections: 2, warmup: 0 }))
      const turns = await generator.openTurns(jobs, signal)
      await turns.run(0.1)
      await endIdle()
      for (const { failures, endpoints, connects } of await turns.run(0.1)) {
        expect(failures).toEqual({})
        expect(endpoints[0]).toMatchObject({ unexpected: 0, statuses: { 200: expect.any(Number) } })
        expect(connects).toBe(2)
      }
      await turns.close()
      expect(counts.connections).toBe(8)
    })
  })
})

describe('a server that cuts responses', () => {
  const rudenesses: Rudeness[] = [
    ...(['nothing', 'half a head', 'half a body'] as const).flatMap(cut =>
      (['FIN', 'RST'] as const).map(cutEnding => ({ cut, cutEnding })),
    ),
    { cut: 'half a body', framing: 'chunked' },
    { cut: 'half a body', framing: 'HTTP/1.0 keep-alive' },
    { cut: 'silence' },
    // What ends with its connection cannot be seen to be cut by a FIN.
    { cut: 'half a body', framing: 'until close', cutEnding: 'RST' },
  ]
  const cases: (Rudeness & { load: Load })[] = [
    ...rudenesses.map(rudeness => ({ ...rudeness, load: 'closed' as const })),
    { load: 'open', cut: 'nothing' },
    { load: 'open', cut: 'half a body', cutEnding: 'RST' },
    { load: 'open', cut: 'silence' },
    { load: 'turns', cut: 'half a body' },
  ]

  it.for(cases)('has each counted: $load $framing $cut $cutEnding', async ({ load, ...rudeness }) => {
    const { counts, measurements, failures, failed } = await runAgainst({ ...rudeness, cutEvery: 37 }, load)
    expect(counts.cut).toBeGreaterThan(0)
    expect(failed).toBe(counts.cut)
    expect(Object.keys(failures)).toEqual([reasonFor(rudeness)])
    expect(answeredOf(measurements)).toBeLessThanOrEqual(counts.answered)
  })

  function reasonFor({ cut, cutEnding }: Rudeness): string {
    if (cut === 'silence') return `no response within ${TIMEOUT} s`
    return `connection ${cutEnding === 'RST' ? 'reset' : 'closed'} ${cut === 'nothing' ? 'before' : 'within'} the response`
  }
})

describe('a server that keeps its connections', () => {
  it.for(loads)('is not said to close them, where they are opened within the window: %s', async load => {
    const { server, counts } = createRudeServer({})
    await listening(server, async origin => {
      for (const { connects } of await run(load, origin)) expect(connects).toBe(0)
    })
    expect(counts.connections).toBe(CONNECTIONS)
  })
})

describe('a server that is gone', () => {
  it('ends a closed loop before its time, with the reason', async () => {
    const { server } = createRudeServer({ cutEvery: 1, cut: 'nothing' })
    await listening(server, async origin => {
      const startedAt = performance.now()
      const { failures, endpoints } = await generator.run(closedJob(origin, { duration: 50, warmup: 0 }))
      expect(performance.now() - startedAt).toBeLessThan(40_000)
      expect(Object.keys(failures)).toEqual(['connection closed before the response'])
      expect(endpoints[0]?.statuses).toEqual({})
    })
  })
})

describe('node:http with maxRequestsPerSocket', () => {
  it.for(loads)('is not asked for more than it takes: %s', async load => {
    let refused = 0
    const server = createHttpServer((_request, response) => response.end('ok'))
    server.maxRequestsPerSocket = 7
    server.on('dropRequest', () => refused++)
    await listening(server, async origin => {
      for (const { failures, endpoints } of await run(load, origin)) {
        expect(failures).toEqual({})
        expect(endpoints[0]?.unexpected).toBe(0)
        expect(endpoints[0]?.requests).toBeGreaterThan(0)
      }
    })
    expect(refused).toBe(0)
  })
})
