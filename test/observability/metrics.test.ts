/** The metrics: who may read them, their values, and that clients cannot make them grow (P26). */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAppOn, createTestApp, PASSWORD, type TestApp } from '../helpers/app.ts'
import { cloneDatabase, databaseOfTest, type TestDatabase } from '../helpers/database.ts'
import { type Collector, startCollector } from '../helpers/otlp-collector.ts'
import { lintMetrics } from '../helpers/promtool.ts'
import { createRemote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const METRICS_TOKEN = 'a-token-for-the-metrics'

describe('/metrics', () => {
  let service: TestApp

  beforeAll(async () => {
    service = await createTestApp({ METRICS_TOKEN })
  })
  afterAll(() => service.close())

  const read = (token?: string) => service.call('GET', '/metrics', token === undefined ? {} : { token })
  const sampleOf = async (sample: string) => {
    const line = (await read(METRICS_TOKEN)).body.split('\n').find(text => text.startsWith(`${sample} `))
    return Number(line?.split(' ').at(-1))
  }

  it('requires its token', async () => {
    for (const token of [undefined, '', 'x', `${METRICS_TOKEN}x`, METRICS_TOKEN.slice(1)]) {
      const response = await read(token)
      expect(response.statusCode).toBe(401)
      expect(response.json()).toMatchObject({ code: 'UNAUTHORIZED' })
    }
    const { accessToken } = await service.signUp()
    expect((await read(accessToken)).statusCode).toBe(401)
    const statusOf = async (authorization: string) =>
      (await service.call('GET', '/metrics', { headers: { authorization } })).statusCode
    for (const scheme of ['bearer ', 'BEARER ', 'Bearer   '])
      expect(await statusOf(scheme + METRICS_TOKEN)).toBe(200)
    for (const scheme of ['', 'Bearer', 'Bearer\t', 'Basic ', 'x Bearer ', 'Bearer x '])
      expect(await statusOf(scheme + METRICS_TOKEN), scheme).toBe(401)
    const response = await read(METRICS_TOKEN)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toMatch(/^text\/plain; version=/)
  })

  it('is open in development without a token, and does not exist in production without one', async () => {
    const database = await databaseOfTest()
    const development = await createAppOn({ ...database, drop: async () => {} })
    expect((await development.call('GET', '/metrics')).statusCode).toBe(200)
    await development.close()
    const production = await createAppOn({ ...database, drop: async () => {} }, { NODE_ENV: 'production' })
    expect((await production.call('GET', '/metrics')).statusCode).toBe(404)
    await production.close()
  })

  it('are as Prometheus wants them: promtool finds nothing', async () => {
    await service.signUp()
    const { body } = await read(METRICS_TOKEN)
    expect(lintMetrics(body)).toBe('')
    // It reports what is wrong.
    expect(lintMetrics('# HELP x_total A gauge\n# TYPE x_total gauge\nx_total 1\n')).toContain('_total')
  })

  it('counts requests by method, route template and status', async () => {
    const { accessToken, id } = await service.signUp()
    const sample = 'http_request_duration_seconds_count{method="GET",route="/api/v1/users/:id",status="200"}'
    const before = (await sampleOf(sample)) || 0
    for (let call = 0; call < 3; call++)
      await service.call('GET', `/api/v1/users/${id}`, { token: accessToken })
    expect(await sampleOf(sample)).toBe(before + 3)
    const { body } = await read(METRICS_TOKEN)
    expect(body).not.toContain(id)
  })

  it('counts logins by outcome, and refresh tokens that were used again', async () => {
    const { email, refreshToken } = await service.signUp()
    const succeeded = await sampleOf('auth_logins_total{outcome="succeeded"}')
    const failed = (await sampleOf('auth_logins_total{outcome="failed"}')) || 0
    const reused = await sampleOf('auth_refresh_reuse_total')
    await service.logIn(email)
    const wrong = { email, password: `${PASSWORD}!` }
    await service.call('POST', '/api/v1/auth/login', { body: wrong })
    const refresh = (token: string) =>
      service.call('POST', '/api/v1/auth/refresh', { body: { refreshToken: token } })
    const second = (await refresh(refreshToken)).json().refreshToken
    await refresh(second)
    expect((await refresh(refreshToken)).statusCode).toBe(401)
    expect(await sampleOf('auth_logins_total{outcome="succeeded"}')).toBe(succeeded + 1)
    expect(await sampleOf('auth_logins_total{outcome="failed"}')).toBe(failed + 1)
    expect(await sampleOf('auth_refresh_reuse_total')).toBe(reused + 1)
  })

  it('shows the present values of the pool, the event loop and the hashes', async () => {
    const queries = await sampleOf('db_queries_total')
    const held = await service.app.database.pool.connect()
    expect(await sampleOf('db_pool_connections')).toBeGreaterThanOrEqual(1)
    expect(await sampleOf('db_pool_waiting_requests')).toBe(0)
    const idle = await sampleOf('db_pool_idle_connections')
    const waits = await sampleOf('db_pool_wait_seconds_count')
    held.release()
    expect(await sampleOf('db_pool_idle_connections')).toBe(idle + 1)
    await service.app.database.pool.query('select 1')
    expect(await sampleOf('db_queries_total')).toBe(queries + 1)
    expect(await sampleOf('db_pool_wait_seconds_count')).toBe(waits + 1)

    const logins = Array.from({ length: 12 }, () =>
      service.call('POST', '/api/v1/auth/login', { body: { email: 'x@example.com', password: PASSWORD } }),
    )
    while ((await sampleOf('password_hashes_running')) === 0) await sleep(1)
    await Promise.all(logins)
    expect(await sampleOf('password_hashes_running')).toBe(0)
    expect(await sampleOf('password_hashes_waiting')).toBe(0)
    expect(await sampleOf('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0)
    expect(await sampleOf('process_resident_memory_bytes')).toBeGreaterThan(0)
  })
})

/** Requests of every round, and in flight at once on a connection. */
const PIPELINE = 100
const CONNECTIONS = 4

/** The difference between two measurements of an idle heap. */
const NOISE_BYTES = 200_000

describe('a client that invents paths', () => {
  let database: TestDatabase
  let collector: Collector
  let service: Service

  beforeAll(async () => {
    database = await cloneDatabase()
    collector = await startCollector()
    service = await startService(
      database.url,
      {
        METRICS_TOKEN,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_SAMPLER_ARG: '1',
      },
      ['--expose-gc', '--import', './test/helpers/report-heap.ts'],
    )
  })
  afterAll(async () => {
    await service.stop()
    await collector.close()
    await database.drop()
  })

  /** Sends requests for different unknown paths, in pipelines over one connection. */
  async function flood(count: number, name: string): Promise<void> {
    const { hostname, port } = new URL(service.origin)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    for (let sent = 0; sent < count; sent += PIPELINE) {
      const paths = Array.from(
        { length: PIPELINE },
        (_, index) => `/${name}/${sent + index}?q=${sent + index}`,
      )
      let received = ''
      const done = new Promise<void>(resolve => {
        socket.on('data', function listen(chunk: Buffer) {
          received += chunk.toString('latin1')
          if (received.split('HTTP/1.1 404').length <= PIPELINE) return
          socket.off('data', listen)
          resolve()
        })
      })
      socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''))
      await done
    }
    socket.destroy()
  }

  const floodAll = (count: number, name: string) =>
    Promise.all(
      Array.from({ length: CONNECTIONS }, (_, index) => flood(count / CONNECTIONS, `${name}-${index}`)),
    )

  async function countSeries(): Promise<number> {
    const { text } = await createRemote(service.origin).call('GET', '/metrics', { token: METRICS_TOKEN })
    return text.split('\n').filter(line => line.startsWith('http_')).length
  }

  /** Bytes in use after a garbage collection, when all spans are sent. */
  async function readSettledHeap(before = Number.POSITIVE_INFINITY): Promise<number> {
    const { length } = service.errors
    service.child.kill('SIGUSR2')
    await until('the heap is told', () => service.errors.length > length)
    const heap = Number(service.errors.at(-1))
    if (heap > before - NOISE_BYTES) return heap
    await sleep(500)
    return readSettledHeap(heap)
  }

  it('P26: adds no series and no heap with 100,000 of them, with tracing on', async () => {
    await floodAll(10_000, 'warm-up')
    await countSeries()
    const before = { series: await countSeries(), heap: await readSettledHeap() }
    await floodAll(100_000, 'path')
    expect(await countSeries()).toBe(before.series)
    // 20 bytes for each path: a path, a label or a span that is kept takes ten times as many.
    const isFlat = async () => (await readSettledHeap()) - before.heap < 100_000 * 20
    await until('the heap is flat', isFlat)
  })
})
