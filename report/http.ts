/** The HTTP client of the report: each client has its own address, and each response becomes evidence. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { RunError } from '../harness/errors.ts'
import type { Exchange } from './document/evidence.ts'
import { NotVerified } from './errors.ts'
import { TRACE_HEADER, type TraceEvent } from './observe/observation.ts'

export type Call = {
  /** What is sent, in words. Default: a plain request. */
  sent?: string
  headers?: Record<string, string>
  /** Strings and buffers are sent unchanged, other values as JSON. */
  body?: unknown
  token?: string
  /** Whether to retry when the service sheds load and says when to retry. Default: true. */
  retry?: boolean
  /** How long to wait for the status and the headers. Default: 15 s. */
  timeoutMs?: number
}

export type HttpResponse = {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body as JSON; an empty object where it is not a JSON object. */
  json: Record<string, unknown>
  /** Whether the whole body arrived. A stream that does not end has a status and headers only. */
  hasEnded: boolean
  traceId: string
  exchange: Exchange
}

/** The loopback network has 16 million addresses, so every client can have its own and its own rate limit. */
const FIRST_ADDRESS = { second: 16, rest: 1 }
const RESPONSE_TIMEOUT_MS = 15_000
/** A body that takes longer or is larger than this is a stream: the report reads no more of it. */
const BODY_TIMEOUT_MS = 3000
const LARGE_TEXT = 1 << 16
const MAX_BODY_BYTES = 16 << 20
const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\])$/
const READING_METHODS = ['GET', 'HEAD']
export const NEEDS_WRITES = 'needs --allow-writes'

/** Returns the cookies that a response sets, with their attributes. */
export function cookiesOf({ headers }: Pick<HttpResponse, 'headers'>): string[] {
  return headers['set-cookie'] ?? []
}

/** Returns the cookies that a response sets as a browser sends them back: `name=value`, without attributes. */
export function cookiePairsOf(response: Pick<HttpResponse, 'headers'>): string[] {
  return cookiesOf(response).map(cookie => cookie.split(';', 1)[0] ?? '')
}

export type Client = ReturnType<ReturnType<typeof createHttp>['client']>

/**
 * Creates clients of the service at `origin`. Throws a RunError where this is not an address of this machine alone.
 * Without `allowsWrites` the clients send GET and HEAD only, and throw NotVerified for all other methods.
 */
export function createHttp(
  origin: string,
  trace: (id: string) => Promise<TraceEvent[]>,
  allowsWrites = true,
) {
  const { hostname, port } = new URL(origin)
  if (!LOOPBACK.test(hostname)) throw new RunError(`${origin} is not on 127.0.0.1 or [::1]`)
  let addresses = FIRST_ADDRESS.rest
  const texts = new Map<string, string>()
  let calls = 0
  // A URL has brackets around an IPv6 address, a socket address has none.
  const target = { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }

  /** Throws NotVerified where the report may only read. */
  function requireWrites(): void {
    if (!allowsWrites) throw new NotVerified(NEEDS_WRITES)
  }

  /** Returns the same copy of a large text each time: the sweep keeps all responses, and a script of 3 MB may be in dozens. */
  function share(text: string): string {
    if (text.length < LARGE_TEXT) return text
    const known = texts.get(text) ?? text
    texts.set(known, known)
    return known
  }

  function nextAddress(): string | undefined {
    addresses += 1
    // Only Linux accepts all of 127/8 without configuration.
    if (process.platform !== 'linux' || hostname !== '127.0.0.1') return undefined
    return `127.${FIRST_ADDRESS.second + ((addresses >> 16) & 0x3f)}.${(addresses >> 8) & 255}.${addresses & 255}`
  }

  /** Returns a client with its own address. */
  function client(localAddress = nextAddress()) {
    const agent = new Agent({ keepAlive: true })
    async function call(method: string, path: string, options: Call = {}): Promise<HttpResponse> {
      if (!READING_METHODS.includes(method)) requireWrites()
      const { body, headers } = prepare(options)
      const { timeoutMs = RESPONSE_TIMEOUT_MS } = options
      const retries = options.retry === false ? 0 : MAX_RETRIES
      const request = { ...target, method, path, body, agent, ...(localAddress && { localAddress }) }
      for (let retry = 0; ; retry++) {
        calls += 1
        const traceId = `trace-${process.pid}-${calls}`
        const traced = { [TRACE_HEADER]: traceId, ...headers }
        const received = await send({ ...request, headers: traced }, timeoutMs)
        const delay = retry < retries ? retryDelay(received) : undefined
        if (delay === undefined)
          return describe(
            { ...received, text: share(received.text) },
            { method, path, sent: options.sent, traceId },
          )
        await sleep(delay)
      }
    }
    return { call, localAddress }
  }

  return { origin, ...target, client, trace, allowsWrites, requireWrites }
}

export type Http = ReturnType<typeof createHttp>

function prepare({ body, headers, token }: Call) {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = body === undefined ? undefined : isRaw ? Buffer.from(body) : Buffer.from(JSON.stringify(body))
  return {
    body: bytes,
    headers: {
      ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
  }
}

type Outgoing = {
  hostname: string
  port: number
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | undefined
  agent: Agent
  localAddress?: string
}

/** Retries of a request that the service shed because the machine was busy. */
const MAX_RETRIES = 8
const MAX_RETRY_AFTER_S = 2

type Received = Pick<HttpResponse, 'status' | 'headers' | 'text' | 'hasEnded'>

/** Returns the milliseconds to wait before a shed request is sent again; undefined where it was not shed. */
function retryDelay({ status, headers }: Received): number | undefined {
  const seconds = Number(headers['retry-after'])
  return status === 503 && seconds <= MAX_RETRY_AFTER_S ? seconds * 1000 : undefined
}

type Request = { method: string; path: string; sent: string | undefined; traceId: string }

function describe(received: Received, request: Request): HttpResponse {
  const { method, path, sent = 'a plain request', traceId } = request
  let parsed: Record<string, unknown> | undefined
  // Some responses are megabytes of which no check reads a field.
  const json = () => {
    parsed ??= parseObject(received.text)
    return parsed
  }
  const code = received.status >= 400 ? json().code : undefined
  const exchange: Exchange = {
    kind: 'exchange',
    sent,
    request: `${method} ${describePath(path)}`,
    status: received.status,
    ...(typeof code === 'string' && { code }),
  }
  return {
    ...received,
    get json() {
      return json()
    },
    traceId,
    exchange,
  }
}

function send({ body, ...options }: Outgoing, timeoutMs: number) {
  const { promise, resolve, reject } = Promise.withResolvers<Received>()
  let bodyDeadline: NodeJS.Timeout | undefined
  let hasResponse = false
  const request = httpRequest(options, response => {
    hasResponse = true
    clearTimeout(deadline)
    const { statusCode: status = 0, headers } = response
    const chunks: Buffer[] = []
    let size = 0
    const finish = (hasEnded: boolean) => {
      resolve({ status, headers, text: Buffer.concat(chunks).toString(), hasEnded })
      if (!hasEnded) request.destroy()
    }
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > MAX_BODY_BYTES) finish(false)
    })
    response.on('error', reject)
    response.on('end', () => finish(true))
    bodyDeadline = setTimeout(finish, BODY_TIMEOUT_MS, false)
    // Server-sent events do not end: the status and the headers are the response.
    if (headers['content-type']?.startsWith('text/event-stream')) finish(false)
  })
  const deadline = setTimeout(() => {
    reject(new NotVerified(`no response within ${timeoutMs / 1000} s`))
    request.destroy()
  }, timeoutMs)
  // After it has refused a body, the service may close the connection while the body is still being sent.
  request.on('error', error => (hasResponse ? undefined : reject(error)))
  request.end(body)
  return promise.finally(() => {
    clearTimeout(deadline)
    clearTimeout(bodyDeadline)
  })
}

/** Returns the JSON object of a text; an empty one where it is none. */
export function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // Not JSON. The text is kept beside it.
    return {}
  }
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi
const MAX_PATH_LENGTH = 100

/** A cursor or a token in a query. */
const OPAQUE = /(?<==)[\w%-]{40,}/g

/** Returns the path without ids and cursors of this run, shortened. */
export function describePath(path: string): string {
  const named = path.replace(UUID, '{id}').replace(OPAQUE, '{…}')
  return named.length <= MAX_PATH_LENGTH ? named : `${named.slice(0, MAX_PATH_LENGTH)}…`
}
