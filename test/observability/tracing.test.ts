/** Traces as a collector gets them from the real process, and as they are in responses and log lines. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { PASSWORD } from '../helpers/app.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { KIND, type Span, startCollector } from '../helpers/otlp-collector.ts'
import { openConnection } from '../helpers/raw-http.ts'
import { createRemote } from '../helpers/remote.ts'
import { startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const PAGE = '/api/v1/users/me'
let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

/** A caller's trace. */
function createTrace(isSampled: boolean) {
  const traceId = randomBytes(16).toString('hex')
  const parentId = randomBytes(8).toString('hex')
  const flags = isSampled ? '01' : '00'
  return { traceId, parentId, headers: { traceparent: `00-${traceId}-${parentId}-${flags}` } }
}

/** Runs a service with a collector for `work`, and returns the spans and log lines at its end. */
async function trace(
  overrides: Environment,
  work: (remote: ReturnType<typeof createRemote>, origin: string) => Promise<void>,
) {
  const collector = await startCollector()
  const service = await startService(database.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    // Long enough for twenty writes of one row on any machine; one request waits for all of them.
    DATABASE_LOCK_TIMEOUT: '2s',
    ...overrides,
  })
  try {
    await work(createRemote(service.origin), service.origin)
  } finally {
    await service.stop()
    await collector.close()
  }
  const spans = collector.spans()
  const lines = service.log.map(line => JSON.parse(line))
  return { spans, lines, collector, of: (traceId: string) => spans.filter(span => span.traceId === traceId) }
}

const rootOf = (spans: Span[]) => spans.filter(({ kind }) => kind === KIND.server)

/**
 * The start of the statement that checks a session. A request sends it only while the revocation feed has no recent proof
 * that it works, as on a busy machine: it is no query of the request's own.
 */
const SESSION_CHECK = 'select "sessions"."id" from "sessions" inner join "users"'

const isSessionCheck = ({ attributes }: Span) => String(attributes['db.query.text']).startsWith(SESSION_CHECK)

/** Asserts that the spans are of one request and its queries, and returns the names of its own queries. */
function expectFamily(spans: Span[], parentId: string): string[] {
  const [root, ...others] = rootOf(spans)
  expect(others).toEqual([])
  expect(root?.parentSpanId).toBe(parentId)
  const queries = spans.filter(span => span !== root)
  for (const { kind, parentSpanId } of queries) {
    expect(kind).toBe(KIND.client)
    expect(parentSpanId).toBe(root?.spanId)
  }
  expect(queries.filter(isSessionCheck).length).toBeLessThanOrEqual(1)
  const own = queries.filter(query => !isSessionCheck(query))
  return own.map(({ attributes }) => String(attributes['db.operation.name']))
}

type User = Awaited<ReturnType<ReturnType<typeof createRemote>['signUp']>>

const alone = createTrace(true)
const logins = Array.from({ length: 10 }, () => createTrace(true))
const reads = Array.from({ length: 20 }, () => createTrace(true))
const writes = Array.from({ length: 20 }, () => createTrace(true))
const lookUps = Array.from({ length: 20 }, () => createTrace(true))
const unsampled = Array.from({ length: 50 }, () => createTrace(false))
const failing = createTrace(true)
const refused = createTrace(true)
const slow = { before: createTrace(true), sampled: createTrace(true), unsampled: createTrace(false) }

async function sendCrowd(remote: ReturnType<typeof createRemote>, user: User): Promise<void> {
  const { id, email, displayName, accessToken: token } = user
  const list = (headers: Record<string, string>) =>
    remote.call('GET', '/api/v1/auth/sessions', { token, headers })
  const responses = await Promise.all([
    ...logins.map(({ headers }) =>
      remote.call('POST', '/api/v1/auth/login', { body: { email, password: PASSWORD }, headers }),
    ),
    ...reads.map(({ headers }) => list(headers)),
    ...writes.map(({ headers }) =>
      remote.call('PUT', `/api/v1/users/${id}`, { token, body: { email, displayName }, headers }),
    ),
    ...lookUps.map(({ headers }) => remote.call('GET', `/api/v1/users/${id}`, { token, headers })),
    ...unsampled.map(({ headers }) => remote.call('GET', PAGE, { token, headers })),
    ...unsampled.map(({ headers }) => list(headers)),
  ])
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
}

async function sendFailures(remote: ReturnType<typeof createRemote>, user: User): Promise<void> {
  const holder = await database.connect()
  await holder.query('begin')
  // Only the row: a check of the session reads it without waiting.
  await holder.query('select from users where id = $1 for update', [user.id])
  const body = { email: user.email, displayName: 'Ada' }
  const options = { token: user.accessToken, body, headers: failing.headers }
  expect((await remote.call('PUT', `/api/v1/users/${user.id}`, options)).status).toBe(503)
  await holder.query('rollback')
  holder.release()
  expect((await remote.call('GET', PAGE, { headers: refused.headers })).status).toBe(401)
}

/** Three requests on one connection. Their bodies come later than their headers. */
async function sendSlowly(origin: string, { email }: User): Promise<void> {
  const connection = await openConnection(origin)
  const body = JSON.stringify({ email, password: PASSWORD })
  const send = async (request: string, { traceparent }: { traceparent: string }, text = '') => {
    const answered = connection.statuses().length
    connection.write(`${request} HTTP/1.1\r\nhost: x\r\ntraceparent: ${traceparent}\r\n`)
    connection.write(`content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n`)
    await sleep(50)
    connection.write(text)
    await until('a response', () => connection.statuses().length > answered)
  }
  await send('GET /health/ready', slow.before.headers)
  await send('POST /api/v1/auth/login', slow.sampled.headers, body)
  await send('POST /api/v1/auth/login', slow.unsampled.headers, body)
  expect(connection.statuses()).toEqual([200, 200, 200])
  connection.close()
}

describe('a traced request', () => {
  let recorded: Awaited<ReturnType<typeof trace>>
  let response: Headers

  beforeAll(async () => {
    recorded = await trace({ OTEL_TRACES_SAMPLER_ARG: '0' }, async (remote, origin) => {
      const user = await remote.signUp()
      const options = { token: user.accessToken, headers: alone.headers }
      response = (await remote.call('GET', `${PAGE}?token=canary-in-the-query`, options)).headers
      await sendCrowd(remote, user)
      await sendFailures(remote, user)
      await sendSlowly(origin, user)
    })
  })

  it('has one context in its span, its log line and its response, under the span of its caller', () => {
    const spans = recorded.of(alone.traceId)
    expect(expectFamily(spans, alone.parentId)).toEqual(['SELECT'])
    const [root] = rootOf(spans)
    expect(response.get('traceresponse')).toBe(`00-${alone.traceId}-${root?.spanId}-01`)
    const lines = recorded.lines.filter(({ traceId }) => traceId === alone.traceId)
    expect(lines).toMatchObject([{ route: PAGE, status: 200 }])
    expect(root).toMatchObject({
      name: `GET ${PAGE}`,
      isError: false,
      attributes: { 'http.request.method': 'GET', 'http.route': PAGE, 'http.response.status_code': 200 },
    })
  })

  it('is sent to the path of OTLP/HTTP, without query strings and parameters', () => {
    expect(new Set(recorded.collector.paths)).toEqual(new Set(['POST /v1/traces']))
    expect(recorded.collector.bodies.join('')).not.toContain('canary')
    expect(recorded.collector.bodies.join('')).not.toContain('@example.com')
  })

  it('has the queries of its transactions as children, also among concurrent requests', () => {
    const families = (traces: typeof logins) =>
      new Set(traces.map(({ traceId, parentId }) => expectFamily(recorded.of(traceId), parentId).join(' ')))
    // The account, its new session, and the oldest sessions beyond the limit.
    expect(families(logins)).toEqual(new Set(['SELECT WITH WITH']))
    expect(families(reads)).toEqual(new Set(['SELECT']))
    // They share batched statements.
    expect(families(lookUps)).toEqual(new Set(['SELECT']))
    expect(families(writes)).toEqual(new Set(['BEGIN UPDATE INSERT COMMIT']))
    expect(unsampled.flatMap(({ traceId }) => recorded.of(traceId))).toEqual([])
  })

  it('keeps its context until its body has arrived, on a connection that other requests used before', () => {
    const { before, sampled } = slow
    expect(expectFamily(recorded.of(before.traceId), before.parentId)).toEqual(['SELECT'])
    expect(expectFamily(recorded.of(sampled.traceId), sampled.parentId)).toEqual(['SELECT', 'WITH', 'WITH'])
    expect(recorded.of(slow.unsampled.traceId)).toEqual([])
    // No other span was recorded.
    const known = [alone, ...logins, ...reads, ...lookUps, ...writes, failing, refused, before, sampled]
    const ids = new Set(recorded.spans.map(({ traceId }) => traceId))
    expect(ids).toEqual(new Set(known.map(({ traceId }) => traceId)))
  })

  it('is an error in its span where the service failed, and nowhere else', () => {
    const spans = recorded.of(failing.traceId).filter(span => !isSessionCheck(span))
    const outcomes = spans.map(({ attributes, isError }) => [attributes['db.operation.name'], isError])
    const queries = [
      ['BEGIN', false],
      ['UPDATE', true],
      ['ROLLBACK', false],
    ]
    expect(outcomes).toEqual([...queries, [undefined, true]])
    expect(rootOf(spans)[0]?.attributes).toMatchObject({ 'http.response.status_code': 503 })
    const [refusal] = recorded.of(refused.traceId)
    expect(refusal).toMatchObject({ isError: false, attributes: { 'error.type': 'UNAUTHORIZED' } })
  })

  it('is recorded by the ratio where the caller did not decide, and by the decision of the caller where it did', async () => {
    const decided = Array.from({ length: 20 }, () => createTrace(true))
    const declined = Array.from({ length: 20 }, () => createTrace(false))
    const count = 400
    const { spans, of } = await trace({ OTEL_TRACES_SAMPLER_ARG: '0.5' }, async remote => {
      for (let call = 0; call < count; call++) await remote.call('GET', '/health/live')
      for (const { headers } of [...decided, ...declined]) {
        await remote.call('GET', '/health/live', { headers })
      }
    })
    for (const { traceId } of decided) expect(of(traceId)).toHaveLength(1)
    for (const { traceId } of declined) expect(of(traceId)).toHaveLength(0)
    const byRatio = spans.length - decided.length
    // Six standard deviations of ten each.
    expect(byRatio).toBeGreaterThan(count / 2 - 60)
    expect(byRatio).toBeLessThan(count / 2 + 60)
  })
})

describe('a collector', () => {
  it.for(['down', 'mute'])('that is %s delays no request, and no shutdown', async state => {
    const collector = await startCollector({ isMute: true })
    if (state === 'down') await collector.close()
    const service = await startService(database.url, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER_ARG: '1',
    })
    const remote = createRemote(service.origin)
    for (let call = 0; call < 100; call++) {
      expect((await remote.call('GET', '/health/live')).status).toBe(200)
    }
    const since = performance.now()
    await service.stop()
    expect(await service.exited).toEqual({ code: 0, signal: null })
    // Two seconds for the last spans, and the rest of the shutdown on a busy machine.
    expect(performance.now() - since).toBeLessThan(6000)
    if (state === 'mute') await collector.close()
  })
})

describe('tracing that is off', () => {
  it('loads nothing of OpenTelemetry except the API, which prom-client loads', async () => {
    const service = await startService(database.url, {}, ['--import', './test/helpers/list-modules.ts'])
    await service.stop()
    const urls: string[] = JSON.parse(service.errors.join(''))
    expect(urls.some(url => url.endsWith('/src/observability/tracing.ts'))).toBe(true)
    expect(urls.filter(url => url.endsWith('/src/observability/tracing-sdk.ts'))).toEqual([])
    expect(urls.filter(url => /@opentelemetry\/(?!api\/)/.test(url))).toEqual([])
  })
})
