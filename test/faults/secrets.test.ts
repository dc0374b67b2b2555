/** Every secret of a request and of the configuration is a canary, and none is in logs, metrics or traces (P25). */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSigningKey } from '../../harness/signing-key.ts'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { type Collector, startCollector } from '../helpers/otlp-collector.ts'
import { openConnection } from '../helpers/raw-http.ts'
import { createRemote, type Remote } from '../helpers/remote.ts'
import { type Service, startService } from '../helpers/service.ts'

const METRICS_TOKEN = 'canary-metrics-token'
/** One has the form of a token, so that its signature is checked; the other has not, and is refused before. */
const FORGED = 'canaries.forgedby.stranger'
const MISSPELT = 'canary.forged.token'
const { privateKey } = createSigningKey()
const EMAIL = 'ada@example.com'

/** The secrets, by place. Those that the service creates are added later. */
const canaries: Record<string, string> = {
  password: 'canary-password-one',
  'new password': 'canary-password-two',
  'wrong password': 'canary-password-three',
  'metrics token': METRICS_TOKEN,
  'forged token': FORGED,
  'misspelt token': MISSPELT,
  cookie: 'canary-cookie',
  'CSRF header': 'canary-csrf-header',
  query: 'canary-query',
  'e-mail address': EMAIL,
  'unknown key of a body': 'canary-unknown-key',
  'broken JSON': 'canary-broken-json',
  'value in an error of the database': 'canary-display-name',
  'signing key': privateKey.split('\n')[5] ?? '',
}

let database: TestDatabase
let collector: Collector
let service: Service
let exposed: Record<'logs' | 'errors' | 'metrics' | 'traces', string>

beforeAll(async () => {
  database = await cloneDatabase()
  collector = await startCollector()
  canaries['database password'] = new URL(database.url).password
  // A trigger quotes a value in an error of the database, and in the cause of that error.
  await database.query(`
    create function refuse() returns trigger language plpgsql as $$
    begin raise exception 'refused: %', new.display_name using detail = new.display_name; end $$;
    create trigger refuse before update on users for each row
      when (new.display_name like 'canary%') execute function refuse()`)
  service = await startService(database.url, {
    LOG_LEVEL: 'trace',
    METRICS_TOKEN,
    JWT_PRIVATE_KEY: privateKey,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER_ARG: '1',
  })
  const remote = createRemote(service.origin)
  await useSecrets(remote)
  await injectLines(service.origin)
  const { text: metrics } = await remote.call('GET', '/metrics', { token: METRICS_TOKEN })
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name like $1 and datname = current_database()`,
    [`${SERVICE_NAME}%`],
  )
  await remote.call('GET', '/health/ready')
  await service.stop()
  exposed = {
    logs: service.log.join('\n'),
    errors: service.errors.join(''),
    metrics,
    traces: collector.bodies.join('\n'),
  }
})
afterAll(async () => {
  await collector.close()
  await database.drop()
})

/** Sends every secret in every way, accepted and refused. */
async function useSecrets(remote: Remote): Promise<void> {
  const statuses: number[] = []
  const call = async (...args: Parameters<Remote['call']>) => {
    const response = await remote.call(...args)
    statuses.push(response.status)
    return response
  }
  const { password, cookie, query } = canaries as Record<'password' | 'cookie' | 'query', string>
  const newPassword = canaries['new password']
  const profile = { email: EMAIL, displayName: 'Ada' }
  const csrf = { 'x-csrf-token': canaries['CSRF header'] ?? '' }
  const { user } = JSON.parse(
    (await call('POST', '/api/v1/auth/register', { body: { ...profile, password } })).text,
  )
  const login = (text: string | undefined, suffix = '') =>
    call('POST', `/api/v1/auth/login${suffix}`, { body: { email: EMAIL, password: text } })
  const first = JSON.parse((await login(password)).text)
  const second = JSON.parse(
    (await call('POST', '/api/v1/auth/refresh', { body: { refreshToken: first.refreshToken } })).text,
  )
  Object.assign(canaries, {
    'access token': second.accessToken,
    'signature of the access token': second.accessToken.split('.')[2],
    'refresh token': first.refreshToken,
    'its successor': second.refreshToken,
  })
  const token = second.accessToken
  const byCookie = await login(password, '?cookie=true')
  Object.assign(canaries, { 'CSRF token': JSON.parse(byCookie.text).csrfToken })
  const setCookie = byCookie.headers.get('set-cookie') ?? ''
  for (const [index, [, value]] of [...setCookie.matchAll(/=([^;=,\s]{20,})/g)].entries()) {
    Object.assign(canaries, { [`set-cookie ${index}`]: value })
  }
  await login(canaries['wrong password'])
  await login(password, `?cookie=${query}`)
  await call('GET', `/api/v1/users/me?token=${query}`, { token, headers: { cookie: `session=${cookie}` } })
  await call('GET', `/nowhere?token=${query}`, { token: FORGED })
  await call('GET', '/api/v1/users/me', { token: FORGED })
  await call('GET', '/api/v1/users/me', { token: MISSPELT })
  await call('GET', '/metrics', { token: FORGED })
  await call('POST', '/api/v1/auth/refresh', { headers: { cookie: `refresh=${cookie}`, ...csrf }, body: {} })
  await call('POST', '/api/v1/auth/refresh', { body: { refreshToken: `${FORGED}-${query}` } })
  await call('POST', '/api/v1/auth/login', {
    body: { email: EMAIL, password, [canaries['unknown key of a body'] ?? '']: 1 },
  })
  await call('POST', '/api/v1/auth/login', { text: `{"password": ${canaries['broken JSON']}` })
  const passwords = { currentPassword: canaries['wrong password'], newPassword }
  await call('PUT', '/api/v1/auth/password', { token, body: passwords })
  await call('PUT', '/api/v1/auth/password', { token, body: { ...passwords, currentPassword: password } })
  const failing = { ...profile, displayName: canaries['value in an error of the database'] }
  const { status } = await call('PUT', `/api/v1/users/${user.id}`, { token, body: failing })
  expect(status).toBe(500)
  expect(new Set(statuses)).toEqual(new Set([200, 201, 204, 400, 401, 403, 404, 500]))
}

const readSecurity = () => readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8')

const FORGERY = '{"level":"fatal","msg":"forged"}'

/** Line ends and JSON in every value that a client sends. */
async function injectLines(origin: string): Promise<void> {
  const encoded = encodeURIComponent(`\r\n${FORGERY}\r\n`)
  const remote = createRemote(origin)
  await remote.call('GET', `/${encoded}?${encoded}`, { headers: { 'user-agent': `x\t${FORGERY}` } })
  await remote.call('GET', `/api/v1/users/${encoded}`, { headers: { 'x-request-id': FORGERY } })
  for (const line of [
    `GET /\\u000a"${FORGERY} HTTP/1.1\r\nhost: x`,
    `GET / HTTP/1.1\r\nhost: x\r\nuser-agent: x\r${FORGERY}`,
    `GET / HTTP/1.1\r\nhost: x\r\nuser-agent: x\n${FORGERY}`,
    `GET / HTTP/1.1\r\nhost: x\r\ntraceparent: \x01\x1b[31m${FORGERY}`,
  ]) {
    const connection = await openConnection(origin)
    connection.write(`${line}\r\nconnection: close\r\n\r\n`)
    await connection.closed
    expect(connection.statuses()).toHaveLength(1)
  }
}

describe('a secret', () => {
  it('P25: is in no log line at any level, no metric and no trace', () => {
    const found = Object.entries(canaries).flatMap(([name, canary]) => {
      expect(canary?.length, name).toBeGreaterThan(8)
      return Object.entries(exposed).flatMap(([place, text]) =>
        text.includes(canary) ? [`${name} in ${place}`] : [],
      )
    })
    expect(found).toEqual([])
    expect(Object.keys(canaries).length).toBeGreaterThanOrEqual(19)
  })

  it('P25: would be found in this output', () => {
    expect(exposed.logs).toContain('"status":500')
    expect(exposed.logs).toContain('access token refused')
    expect(exposed.metrics).toContain('auth_logins_total{outcome="failed"}')
    expect(exposed.traces).toContain('INSERT postgresql')
    expect(exposed.errors).toBe('')
  })
})

describe('a log line', () => {
  it('P25: is one JSON object, for any input of a client', () => {
    const lines = service.log.map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines.filter(({ msg }) => msg === 'forged')).toEqual([])
    expect(lines.some(({ path }) => String(path).includes('%0D%0A'))).toBe(true)
    for (const line of lines)
      expect(Object.keys(line)).toEqual(expect.arrayContaining(['level', 'time', 'msg']))
  })

  it('P25: has only fields that SECURITY.md lists', () => {
    const [, inventory = ''] = readSecurity().split('## Log inventory\n')
    const listed = new Set([...inventory.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    const lines = service.log.map(line => JSON.parse(line) as { err?: Record<string, unknown> })
    const used = new Set(lines.flatMap(line => [...Object.keys(line), ...Object.keys(line.err ?? {})]))
    expect(used.size).toBeGreaterThan(10)
    expect([...used].filter(name => !listed.has(name))).toEqual([])
  })

  it('P25: of a request has its request id and its trace id', () => {
    const lines = service.log.map(line => JSON.parse(line) as Record<string, string>)
    const ofRequests = lines.filter(line => 'method' in line || 'requestId' in line)
    expect(ofRequests.length).toBeGreaterThan(20)
    for (const { requestId, traceId } of ofRequests) {
      expect(requestId).toMatch(/^[A-Za-z0-9_-]{8,64}$/)
      expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    }
  })
})
