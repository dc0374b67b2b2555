/** Security checks of limits: how often, how much and how slowly a client may send. */
import { connect } from 'node:net'
import { fact } from '../../document/evidence.ts'
import { NotVerified } from '../../errors.ts'
import type { Http, HttpResponse } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { pathOf, publicPost } from '../../routes.ts'
import type { CheckContext, Expectations, HttpCheck, ServiceContext } from '../check.ts'
import { EXEMPT, MAX_REQUESTS, UNKNOWN_PATH } from '../exhaust.ts'
import {
  headerVariations,
  pathVariations,
  queryVariations,
  readMentioned,
  type Variation,
} from '../variations.ts'

export const rateLimit: HttpCheck = {
  id: 'rate-limit',
  rank: 40,
  claim: 'Rate limiting: {max} req/{window} per IP',
  source: 'OWASP API4:2023, RFC 6585 §4',
  needs: 'http',
  async run(context) {
    const { expect, http, routes, exhausted } = context
    const { path, passed, refused } = await exhausted()
    const count = passed < MAX_REQUESTS ? String(passed) : `${passed} or more`
    expect.note(fact('requests of one client that were accepted', count))
    if (!refused) {
      expect.fact(`responses with 429 to ${MAX_REQUESTS} requests`, '0', '1 or more', false)
      return {}
    }
    expect.response(refused, '429 with Retry-After', 'retry-after' in refused.headers)
    const ask = await createLimited(context)
    expect.status(await ask({ sent: 'an unknown path, while limited', path: UNKNOWN_PATH }), 429)
    const unlimited: string[] = []
    for (const { method, path: url } of requestsOf(routes, http.allowsWrites)) {
      const { status } = await ask({ sent: 'any route, while limited', method, path: url })
      if (status !== 429) unlimited.push(`${method} ${url} (${status})`)
    }
    const isLimited = unlimited.length === 0
    expect.fact(
      'routes that respond while limited',
      unlimited.join(', ') || 'none',
      'none except health and metrics',
      isLimited,
    )
    const other = await http.client().call('GET', path, { sent: 'another client, at the same time' })
    expect.response(other, 'not 429', other.status !== 429)
    return { max: String(passed), window: windowOf(Number(refused.headers['retry-after'])) }
  },
}

/** Returns a request for each route that has a limit, and HEAD for each that can be read. */
function requestsOf(routes: readonly ObservedRoute[], allowsWrites: boolean) {
  const limited = routes.filter(
    ({ method, url }) => /^(GET|POST|PUT|PATCH|DELETE)$/.test(method) && !EXEMPT.test(url),
  )
  return limited
    .flatMap(route => {
      const path = pathOf(route)
      const own = { method: route.method, path }
      return route.method === 'GET' ? [own, { method: 'HEAD', path }] : [own]
    })
    .filter(({ method }) => allowsWrites || /^(GET|HEAD)$/.test(method))
}

/**
 * Returns a function that sends a request as a client over its limit. Where it is not limited, the control is: a plain
 * request is sent, and where this is not limited either, the window has passed, and the client is brought over its limit
 * anew. Throws NotVerified where it cannot be.
 */
async function createLimited({ exhausted, http }: Pick<CheckContext, 'exhausted' | 'http'>) {
  const { client, path, passed, refused } = await exhausted()
  if (!refused) throw new NotVerified(`no limit was reached in ${MAX_REQUESTS} requests`)
  const control = () => client.call('GET', path, { sent: 'the control' })

  // Another connection from the same address.
  const by = http.client(client.localAddress)

  async function exceed(): Promise<void> {
    for (let sent = 0; sent <= 2 * passed; sent++) if ((await control()).status === 429) return
    throw new NotVerified('the client could not be brought over its limit again')
  }

  return async function ask({
    sent,
    method = 'GET',
    path: to = path,
    headers,
  }: Variation): Promise<HttpResponse> {
    for (let tries = 0; ; tries++) {
      const response = await by.call(method, to, {
        sent: `${sent}, while limited`,
        ...(headers && { headers }),
      })
      if (response.status === 429 || tries === 2 || (await control()).status === 429) return response
      await exceed()
    }
  }
}

export const rateLimitBypass: HttpCheck = {
  id: 'rate-limit-bypass',
  rank: 340,
  claim:
    'Rate limit not evaded by headers, cookies, tokens, queries or spellings of the path ({routes} routes)',
  source: 'OWASP API4:2023',
  needs: 'http',
  async run(context) {
    const { expect, exhausted, routes, http, subject } = context
    const { path } = await exhausted()
    const ask = await createLimited(context)
    const { headers, parameters } = readMentioned(subject.root, subject.module)
    const tokens = await tokensFor(context)
    const byHeader = [...headerVariations(headers), ...tokens]
    const variations: Variation[] = [
      ...byHeader,
      ...byHeader.map(variation => ({ ...variation, path: UNKNOWN_PATH })),
      ...queryVariations(path, parameters),
      ...queryVariations(UNKNOWN_PATH, parameters),
      ...pathVariations(path),
      ...pathVariations(UNKNOWN_PATH),
      ...['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
        .filter(method => method === 'HEAD' || http.allowsWrites)
        .map(method => ({ sent: method, method })),
    ]
    const passed = new Map<string, HttpResponse>()
    for (const variation of variations) {
      const response = await ask(variation)
      if (response.status !== 429) passed.set(`${variation.sent} ${variation.path ?? ''}`, response)
    }
    // Each header has been tried by itself on two paths. On every route all are sent at once.
    const together = Object.assign({}, ...byHeader.map(variation => variation.headers))
    const requests = requestsOf(routes, http.allowsWrites)
    for (const request of requests) {
      const response = await ask({ ...request, sent: 'all of these headers', headers: together })
      if (response.status !== 429) passed.set(`${request.method} ${request.path}`, response)
    }
    for (const response of [...passed.values()].slice(0, MAX_SHOWN)) expect.response(response, '429', false)
    const found = passed.size === 0 ? 'none' : String(passed.size)
    expect.fact('variations that are not limited', found, 'none', passed.size === 0)
    const urls = new Set(requests.map(request => request.path))
    return { routes: String(urls.size) }
  },
}

const MAX_SHOWN = 20

/** A valid token of an account, and one that is none. */
async function tokensFor(context: CheckContext | ServiceContext): Promise<Variation[]> {
  const broken = { sent: 'a token that is none', headers: { authorization: 'Bearer report' } }
  if (!('actors' in context)) return [broken]
  const { accessToken } = await context.actors.user()
  return [broken, { sent: 'a valid token', headers: { authorization: `Bearer ${accessToken}` } }]
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

/** The window began with the first request of the report, so Retry-After is nearly all of it. */
function windowOf(retryAfter: number): string {
  return WINDOWS.find(([seconds]) => retryAfter <= seconds)?.[1] ?? '?'
}

export const bodyLimit: HttpCheck = {
  id: 'body-limit',
  rank: 350,
  claim: 'Bodies above a limit refused, announced or chunked',
  source: 'OWASP API4:2023, ASVS 5.0 §5.2.1',
  needs: 'http',
  async run({ expect, http, routes }) {
    http.requireWrites()
    const path = pathOf(publicPost(routes))
    const large = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) })
    const announced = await http.client().call('POST', path, { sent: 'a body of 2 MiB', body: large })
    expect.status(announced, 413)
    const chunked = await sendRaw(http, [
      `POST ${path} HTTP/1.1\r\nHost: report\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `200000\r\n${'x'.repeat(0x200000)}\r\n0\r\n\r\n`,
    ])
    expect.fact('status for 2 MiB in chunks', chunked.status, '413', chunked.status === '413')
  },
}

const SLOW_TIMEOUT_MS = 8000

export const slowBody: HttpCheck = {
  id: 'slow-body',
  rank: 360,
  claim: 'Slow requests ended by the server',
  source: 'OWASP API4:2023, CWE-400',
  needs: 'http',
  async run(context) {
    const { expect, http, routes } = context
    http.requireWrites()
    const route = routes.find(({ method }) => method === 'POST')
    const path = route ? pathOf(route) : '/'
    expectShortDefault(expect, context)
    const head = `POST ${path} HTTP/1.1\r\nHost: report\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n`
    const [slowBytes, slowLines] = await Promise.all([
      sendRaw(http, [head], '{'),
      sendRaw(http, [`GET ${path} HTTP/1.1\r\nHost: report\r\n`], 'X-Slow: 1\r\n'),
    ])
    expectClosed(expect, 'a body sent byte by byte', slowBytes)
    expectClosed(expect, 'headers sent line by line', slowLines)
  },
}

function expectClosed(expect: Expectations, what: string, { status, isClosed }: RawResponse): void {
  const found = isClosed ? `closed (${status})` : 'still open'
  expect.fact(what, found, `closed within ${SLOW_TIMEOUT_MS / 1000} s`, isClosed)
}

const IN_SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** The report starts the service with a short request timeout, so the default is read from the config schema. */
function expectShortDefault(expect: Expectations, context: CheckContext | ServiceContext): void {
  if (!('internals' in context)) return
  const value = String(context.internals.environmentSchema?.properties.REQUEST_TIMEOUT?.default ?? '')
  const [, count = 'NaN', unit = 's'] = /^(\d+)(ms|s|m|h|d)$/.exec(value) ?? []
  const seconds = Number(count) * (IN_SECONDS[unit] ?? Number.NaN)
  expect.fact('default of REQUEST_TIMEOUT (here: 2s)', value, 'at most a minute', seconds <= 60)
}

export const requestSmuggling: HttpCheck = {
  id: 'request-smuggling',
  rank: 370,
  claim: 'Requests with two lengths refused',
  source: 'RFC 9112 §6.1, ASVS 5.0 §4.2.1',
  needs: 'http',
  async run({ expect, http }) {
    http.requireWrites()
    const attempts = {
      'Content-Length and Transfer-Encoding': 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n',
      'two Content-Lengths': 'Content-Length: 6\r\nContent-Length: 7\r\n',
    }
    for (const [name, headers] of Object.entries(attempts)) {
      const { status } = await sendRaw(http, [`POST / HTTP/1.1\r\nHost: report\r\n${headers}\r\n0\r\n\r\nX`])
      expect.fact(`status for ${name}`, status, '400', status === '400')
    }
  },
}

export const longHeaders: HttpCheck = {
  id: 'long-headers',
  rank: 380,
  claim: 'Oversized headers refused',
  source: 'RFC 6585 §5',
  needs: 'http',
  async run({ expect, http }) {
    const request = `GET / HTTP/1.1\r\nHost: report\r\nX-Long: ${'x'.repeat(64_000)}\r\n\r\n`
    const { status } = await sendRaw(http, [request])
    expect.fact('status for 64 kB of headers', status, '431', status === '431')
  },
}

type RawResponse = { status: string; isClosed: boolean }

/** Sends bytes unchanged, then `drip` every 200 ms. Returns the status that came before the server closed. */
function sendRaw({ hostname, port }: Http, parts: string[], drip?: string): Promise<RawResponse> {
  const { promise, resolve } = Promise.withResolvers<RawResponse>()
  const socket = connect({ host: hostname, port })
  let text = ''
  const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 200)
  const deadline = setTimeout(() => end(false), SLOW_TIMEOUT_MS)
  function end(isClosed: boolean): void {
    clearInterval(timer)
    clearTimeout(deadline)
    socket.destroy()
    resolve({ status: /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 'no response', isClosed })
  }
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
    // Without a drip the first response is the result. With one, it is whether the server closes the connection.
    if (drip === undefined && /^HTTP\/1\.1 [2-5]\d\d/.test(text)) end(true)
  })
  socket.on('close', () => end(true))
  socket.on('error', () => end(true))
  for (const part of parts) socket.write(part)
  return promise
}
