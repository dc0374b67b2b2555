/** Requests whose client leaves before the response: each is logged, counted and traced once. */
import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestApp } from '../helpers/app.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { type Collector, KIND, startCollector } from '../helpers/otlp-collector.ts'
import { openConnection } from '../helpers/raw-http.ts'
import { createRemote, type Remote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const METRICS_TOKEN = 'a-token-for-the-metrics'
const ROUTE = '/api/v1/users/me'

describe('a client that leaves before its response', () => {
  let database: TestDatabase
  let collector: Collector
  let service: Service
  let remote: Remote
  let token: string

  beforeAll(async () => {
    database = await cloneDatabase()
    collector = await startCollector()
    service = await startService(database.url, {
      METRICS_TOKEN,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER_ARG: '1',
    })
    remote = createRemote(service.origin)
    token = (await remote.signUp()).accessToken
  })
  afterAll(async () => {
    await service.stop()
    await collector.close()
    await database.drop()
  })

  const createTraceId = () => randomBytes(16).toString('hex')
  const head = (traceId: string, start: string) =>
    `${start} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ntraceparent: 00-${traceId}-00f067aa0ba902b7-01\r\n`
  const read = (traceId: string) => `${head(traceId, `GET ${ROUTE}`)}\r\n`
  const linesOf = (traceId: string) =>
    service.log.map(line => JSON.parse(line)).filter(line => line.traceId === traceId && line.route)

  async function countOf(status: number): Promise<number> {
    const { text } = await remote.call('GET', '/metrics', { token: METRICS_TOKEN })
    const sample = new RegExp(`duration_seconds_count{method="GET",route="${ROUTE}",status="${status}"} (.*)`)
    return Number(sample.exec(text)?.[1] ?? 0)
  }

  /** Sends the text and leaves, while every query of users waits for a lock. Waits for the lines of all traces. */
  async function leave(written: string, traceIds: string[]): Promise<void> {
    const holder = await database.connect()
    await holder.query('begin; lock table users in access exclusive mode')
    const connection = await openConnection(service.origin)
    connection.write(written)
    connection.close()
    await until('the lines', () => traceIds.every(traceId => linesOf(traceId).length > 0))
    await holder.query('rollback')
    holder.release()
    // The requests that waited for the table have ended by then, and their log lines are read.
    await remote.call('GET', ROUTE, { token })
    await sleep(200)
  }

  it('leaves a log line, a metric and a span', async () => {
    const traceId = createTraceId()
    const before = await countOf(499)
    await leave(read(traceId), [traceId])
    const line = {
      level: 'info',
      msg: 'request aborted',
      route: ROUTE,
      status: 499,
      durationMs: expect.any(Number),
    }
    expect(linesOf(traceId)).toMatchObject([line])
    expect(await countOf(499)).toBe(before + 1)
    const spansOf = () =>
      collector.spans().filter(span => span.traceId === traceId && span.kind === KIND.server)
    await until('its span', () => spansOf().length > 0)
    const attributes = { 'http.route': ROUTE, 'http.response.status_code': 499, 'error.type': 'aborted' }
    expect(spansOf()).toMatchObject([{ isError: false, attributes }])
  })

  it('leaves a line for every request of a pipeline', async () => {
    const traceIds = Array.from({ length: 5 }, createTraceId)
    await leave(traceIds.map(read).join(''), traceIds)
    const lines = traceIds.flatMap(linesOf)
    expect(lines.map(({ status, msg }) => `${status} ${msg}`)).toEqual(Array(5).fill('499 request aborted'))
  })

  it('leaves a line also where it has not sent all of its body', async () => {
    const traceId = createTraceId()
    const body = 'content-type: application/json\r\ncontent-length: 100\r\n\r\n{'
    await leave(head(traceId, 'POST /api/v1/auth/login') + body, [traceId])
    expect(linesOf(traceId)).toMatchObject([{ msg: 'request aborted', status: 499 }])
  })

  it('is not reported where it left after its response', async () => {
    const traceIds = Array.from({ length: 5 }, createTraceId)
    const connection = await openConnection(service.origin)
    connection.write(traceIds.map(read).join(''))
    await until('the responses', () => connection.statuses().length === 5)
    connection.close()
    await until('the lines', () => traceIds.every(traceId => linesOf(traceId).length > 0))
    const lines = traceIds.flatMap(linesOf)
    expect(lines.map(({ status, msg }) => `${status} ${msg}`)).toEqual(Array(5).fill('200 request completed'))
  })
})

it('closes the streams of a pipeline with its connection, and logs each request once', async () => {
  const streams: PassThrough[] = []
  const streaming = await createTestApp({ LOG_LEVEL: 'info' }, app =>
    app.get('/stream', (_request, reply) => {
      const stream = new PassThrough()
      stream.write('the start')
      streams.push(stream)
      return reply.send(stream)
    }),
  )
  onTestFinished(streaming.close)
  const connection = await openConnection(await streaming.app.listen({ port: 0, host: '127.0.0.1' }))
  connection.write('GET /stream HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3))
  await until('the streams', () => streams.length === 3 && connection.received().includes('the start'))
  connection.close()
  await until('their ends', () => streams.every(({ destroyed }) => destroyed))
  await sleep(200)
  const lines = streaming.log.map(line => JSON.parse(line)).filter(({ route }) => route === '/stream')
  expect(lines.map(({ msg, status }) => `${status} ${msg}`)).toEqual(Array(3).fill('499 request aborted'))
})

it('an injected request, which has no connection, is completed as well', async () => {
  const injected = await createTestApp({ LOG_LEVEL: 'info' })
  onTestFinished(injected.close)
  expect((await injected.call('GET', '/health/live')).statusCode).toBe(200)
  const lines = injected.log.map(line => JSON.parse(line)).filter(({ route }) => route === '/health/live')
  expect(lines).toMatchObject([{ msg: 'request completed', status: 200 }])
})
