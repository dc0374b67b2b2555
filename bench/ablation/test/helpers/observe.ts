/** Asks a service which features it has, as seen from outside. */

import { createHttpClient } from '../../../../test/helpers/app.ts'
import { startCollector } from '../../../../test/helpers/otlp-collector.ts'
import { exchange } from '../../../../test/helpers/raw-http.ts'
import { type Service, startService } from '../../../../test/helpers/service.ts'
import { until } from '../../../../test/helpers/until.ts'
import type { Version } from '../../../service/subject.ts'

export type Observation = {
  /** By the name of the variant that switches it off: whether it is there. */
  features: Record<string, boolean>
  /** What others see of a user. */
  user: unknown
}

const ORIGIN = 'https://pages.example'
const METRICS_TOKEN = 'a token for the metrics'

/** More than is asked here before the limit itself is. */
const RATE_LIMIT_MAX = 60

/** Look-ups that come in one piece, and so at the same time. */
const TOGETHER = 10

/** Starts the service with these modules loaded first, asks for each feature, and ends it. */
export async function observe(
  databaseUrl: string,
  { environment = {}, preloads = [] }: Pick<Version, 'environment' | 'preloads'>,
): Promise<Observation> {
  const collector = await startCollector()
  try {
    const flags = preloads.flatMap(url => ['--import', url])
    const settings = {
      CORS_ORIGINS: ORIGIN,
      METRICS_TOKEN,
      RATE_LIMIT_MAX: String(RATE_LIMIT_MAX),
      DRAIN_DELAY: '1s',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER_ARG: '1',
    }
    const service = await startService(databaseUrl, { ...settings, ...environment }, flags)
    const { features, user } = await ask(service).finally(service.stop)
    // Both are written by the end at the latest.
    const tracing = collector.spans().length > 0
    const isLogged = service.log.some(line => line.includes('request completed'))
    return { features: { ...features, tracing, 'access-log': isLogged }, user }
  } finally {
    await collector.close()
  }
}

async function ask(service: Service): Promise<Observation> {
  const { signUp } = createHttpClient(service.origin)
  const [visitor, owner] = [await signUp(), await signUp()]
  const path = `/api/v1/users/${owner.id}`
  const get = (token: string, to = path, headers = {}) =>
    fetch(service.origin + to, { headers: { authorization: `Bearer ${token}`, ...headers } })

  const seen = await get(visitor.accessToken, path, { origin: ORIGIN })
  const again = await get(visitor.accessToken)
  const user = { ...(await objectOf(seen)), id: 'an id', createdAt: 'an instant' }
  const own = await (await get(owner.accessToken)).text()
  const invalid = await objectOf(await get(visitor.accessToken, '/api/v1/users/not-an-id'))
  const forged = await get(`${visitor.accessToken.slice(0, -20)}${'A'.repeat(20)}`)
  const respondsInOrder = await respondsBeforeRefusal(service.origin, path, visitor.accessToken)
  const isBatched = (await queriesOf(service.origin, path, visitor.accessToken)) < TOGETHER
  await fetch(`${service.origin}/api/v1/auth/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.accessToken}` },
  })
  const revoked = await get(owner.accessToken)
  return {
    features: {
      'security-headers': seen.headers.get('x-frame-options') === 'DENY',
      cors: seen.headers.get('access-control-allow-origin') === ORIGIN,
      'request-ids':
        seen.headers.has('x-request-id') &&
        seen.headers.get('x-request-id') !== again.headers.get('x-request-id'),
      validation: invalid.code === 'VALIDATION_FAILED',
      authentication: forged.status === 401,
      revocation: revoked.status === 401,
      batching: isBatched,
      // The schema's order is not that of the row.
      serialization: own.indexOf('"displayName"') < own.indexOf('"email"'),
      metrics: (await readMetrics(service.origin)).includes('http_request_duration_seconds_count{'),
      'rate-limit': await isLimited(service.origin),
      connections: (await givesConnectionsBack(service)) && respondsInOrder,
    },
    user,
  }
}

async function objectOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

/** Whether a request gets its response before the bytes after it, which are not HTTP, get theirs. */
async function respondsBeforeRefusal(origin: string, path: string, token: string): Promise<boolean> {
  const responses = await exchange(Number(new URL(origin).port), [`${requestOf(path, token)}no HTTP\r\n\r\n`])
  return responses[0]?.status === 200
}

/** Returns how many queries look-ups that came together took. */
async function queriesOf(origin: string, path: string, token: string): Promise<number> {
  const before = queriesIn(await readMetrics(origin))
  const requests = Array.from({ length: TOGETHER - 1 }, () => requestOf(path, token)).join('')
  const last = requestOf(path, token, 'connection: close\r\n')
  await exchange(Number(new URL(origin).port), [requests + last])
  return queriesIn(await readMetrics(origin)) - before
}

function requestOf(path: string, token: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n${headers}\r\n`
}

async function readMetrics(origin: string): Promise<string> {
  const response = await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  return response.text()
}

function queriesIn(text: string): number {
  return Number(/^db_queries_total (\d+)/m.exec(text)?.[1])
}

async function isLimited(origin: string): Promise<boolean> {
  for (let i = 0; i <= RATE_LIMIT_MAX; i++) {
    const response = await fetch(`${origin}/api/v1/users/me`)
    await response.text()
    if (response.status === 429) return true
  }
  return false
}

/** Whether a draining service asks its clients to close their connections. */
async function givesConnectionsBack({ origin, child }: Service): Promise<boolean> {
  child.kill('SIGTERM')
  await until('draining', async () => (await fetch(`${origin}/health/ready`)).status === 503)
  const response = await fetch(`${origin}/health/live`)
  return response.headers.get('connection') === 'close'
}
