/** Probes of limits: how often, how much, how long and how slowly a client may ask. */
import { connect } from 'node:net'
import { fact } from '../../document/evidence.ts'
import type { Client, Http } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { EXEMPT, MOST_REQUESTS, UNKNOWN_PATH } from '../exhaust.ts'
import { type AnyProbe, type Checks, NotVerified, type ProbeContext, type ServiceContext } from '../probe.ts'
import { pathOf, publicPost } from '../routes.ts'

export const rateLimit: AnyProbe = {
  id: 'rate-limit',
  claim: 'Rate limiting: {max} req/{window} per IP',
  source: 'OWASP API4:2023, RFC 6585 §4',
  needs: 'http',
  async probe({ checks, http, routes, exhausted }) {
    const { client, path, passed, refused } = await exhausted()
    checks.note(
      fact(
        'requests of one client that were answered',
        passed < MOST_REQUESTS ? String(passed) : `${passed} or more`,
      ),
    )
    if (!refused) {
      checks.fact(`answers with 429 to ${MOST_REQUESTS} requests`, '0', '1 or more', false)
      return {}
    }
    checks.answer(refused, '429 with Retry-After', 'retry-after' in refused.headers)
    checks.status(await client.call('GET', UNKNOWN_PATH, { sent: 'an unknown path, while limited' }), 429)
    const unlimited = await routesWithoutLimit(client, routes)
    const found = unlimited.length === 0 ? 'none' : unlimited.join(', ')
    checks.fact(
      'routes that answer while limited',
      found,
      'none, but health and metrics',
      unlimited.length === 0,
    )
    const other = await http.client().call('GET', path, { sent: 'another client, meanwhile' })
    checks.answer(other, 'not 429', other.status !== 429)
    return { max: String(passed), window: windowOf(Number(refused.headers['retry-after'])) }
  },
}

/** The routes that say anything but 429 to a client that has asked too often. */
async function routesWithoutLimit(client: Client, routes: readonly ObservedRoute[]): Promise<string[]> {
  const judged = routes.filter(
    ({ method, url }) => /^(GET|POST|PUT|PATCH|DELETE)$/.test(method) && !EXEMPT.test(url),
  )
  const answers = await Promise.all(
    judged.map(async route => ({ route, answer: await client.call(route.method, pathOf(route)) })),
  )
  return answers
    .filter(({ answer }) => answer.status !== 429)
    .map(({ route, answer }) => `${route.method} ${route.url} (${answer.status})`)
}

export const rateLimitBypass: AnyProbe = {
  id: 'rate-limit-bypass',
  claim: 'Rate limit not bypassed by X-Forwarded-For and the like',
  source: 'OWASP API4:2023',
  needs: 'http',
  async probe({ checks, exhausted }) {
    const { client, refused } = await exhausted()
    if (!refused) throw new NotVerified(`no limit was met in ${MOST_REQUESTS} requests`)
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip']) {
      const address = name === 'forwarded' ? 'for=203.0.113.7' : '203.0.113.7'
      const sent = `${name} of another client, while limited`
      checks.status(await client.call('GET', UNKNOWN_PATH, { sent, headers: { [name]: address } }), 429)
    }
  },
}

const WINDOWS: [number, string][] = [
  [1, 's'],
  [10, '10 s'],
  [60, 'min'],
  [300, '5 min'],
  [900, '15 min'],
  [3600, 'h'],
  [86_400, 'day'],
]

/** The window that a Retry-After leaves to wait for: it began with the first of our requests, just now. */
function windowOf(retryAfter: number): string {
  return WINDOWS.find(([seconds]) => retryAfter <= seconds)?.[1] ?? '?'
}

export const bodyLimit: AnyProbe = {
  id: 'body-limit',
  claim: 'Bodies above a limit refused, announced or chunked',
  source: 'OWASP API4:2023, ASVS 5.0 §5.2.1',
  needs: 'http',
  async probe({ checks, http, routes }) {
    const route = publicPost(routes)
    const large = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) })
    const announced = await http
      .client()
      .call('POST', pathOf(route), { sent: 'a body of 2 MiB', body: large })
    checks.status(announced, 413)
    const answer = await sendRaw(http, [
      `POST ${pathOf(route)} HTTP/1.1\r\nHost: report\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `200000\r\n${'x'.repeat(0x200000)}\r\n0\r\n\r\n`,
    ])
    checks.fact('status for 2 MiB in chunks', answer.status, '413', answer.status === '413')
  },
}

const SLOW_WITHIN_MS = 8000

export const slowBody: AnyProbe = {
  id: 'slow-body',
  claim: 'Slow requests ended by the server',
  source: 'OWASP API4:2023, CWE-400',
  needs: 'http',
  async probe(context) {
    const { checks, http, routes } = context
    const route = routes.find(({ method }) => method === 'POST')
    const path = route ? pathOf(route) : '/'
    judgeUsualTimeout(checks, context)
    const [body, head] = await Promise.all([
      sendRaw(
        http,
        [
          `POST ${path} HTTP/1.1\r\nHost: report\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n`,
        ],
        '{',
      ),
      sendRaw(http, [`GET ${path} HTTP/1.1\r\nHost: report\r\n`], 'X-Slow: 1\r\n'),
    ])
    const within = `closed within ${SLOW_WITHIN_MS / 1000} s`
    checks.fact(
      'a body that comes byte by byte',
      body.isClosed ? `closed (${body.status})` : 'still open',
      within,
      body.isClosed,
    )
    checks.fact(
      'headers that come line by line',
      head.isClosed ? `closed (${head.status})` : 'still open',
      within,
      head.isClosed,
    )
  },
}

const IN_SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** The report sets the service a short time, so as not to wait for the usual one: that is judged by what it says. */
function judgeUsualTimeout(checks: Checks, context: ProbeContext | ServiceContext): void {
  if (!('internals' in context)) return
  const usual = String(context.internals.environmentSchema?.properties.REQUEST_TIMEOUT?.default ?? '')
  const [, count = 'NaN', unit = 's'] = /^(\d+)(ms|s|m|h|d)$/.exec(usual) ?? []
  const seconds = Number(count) * (IN_SECONDS[unit] ?? Number.NaN)
  checks.fact('REQUEST_TIMEOUT where nobody sets it (here: 2s)', usual, 'a minute at most', seconds <= 60)
}

export const requestSmuggling: AnyProbe = {
  id: 'request-smuggling',
  claim: 'Requests with two lengths refused',
  source: 'RFC 9112 §6.1, ASVS 5.0 §4.2.1',
  needs: 'http',
  async probe({ checks, http }) {
    const attempts = {
      'Content-Length and Transfer-Encoding': 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n',
      'two Content-Lengths': 'Content-Length: 6\r\nContent-Length: 7\r\n',
    }
    for (const [name, headers] of Object.entries(attempts)) {
      const answer = await sendRaw(http, [`POST / HTTP/1.1\r\nHost: report\r\n${headers}\r\n0\r\n\r\nX`])
      checks.fact(`status for ${name}`, answer.status, '400', answer.status === '400')
    }
  },
}

export const longHeaders: AnyProbe = {
  id: 'long-headers',
  claim: 'Oversized headers refused',
  source: 'RFC 6585 §5',
  needs: 'http',
  async probe({ checks, http }) {
    const answer = await sendRaw(http, [
      `GET / HTTP/1.1\r\nHost: report\r\nX-Long: ${'x'.repeat(64_000)}\r\n\r\n`,
    ])
    checks.fact('status for 64 kB of headers', answer.status, '431', answer.status === '431')
  },
}

/** Sends bytes as they are, then `drip` again and again; returns the status that came before the server closed. */
function sendRaw({ hostname, port }: Http, parts: string[], drip?: string) {
  const { promise, resolve } = Promise.withResolvers<{ status: string; isClosed: boolean }>()
  const socket = connect({ host: hostname, port })
  let text = ''
  const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 200)
  const late = setTimeout(() => end(false), SLOW_WITHIN_MS)
  function end(isClosed: boolean): void {
    clearInterval(timer)
    clearTimeout(late)
    socket.destroy()
    resolve({ status: /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 'no answer', isClosed })
  }
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
    // A dripping request is judged by its end, any other by its answer.
    if (drip === undefined && /^HTTP\/1\.1 [2-5]\d\d/.test(text)) end(true)
  })
  socket.on('close', () => end(true))
  socket.on('error', () => end(true))
  for (const part of parts) socket.write(part)
  return promise
}
