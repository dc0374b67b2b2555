/** Speaks HTTP to the service: each caller from an address of its own, each answer as evidence. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from './document/evidence.ts'
import { TRACE_HEADER, type TraceEvent } from './observe/observation.ts'

export type Call = {
  /** What is sent, in words; the path itself unless given. */
  sent?: string
  headers?: Record<string, string>
  /** Text or bytes are sent as they are, anything else as JSON. */
  body?: unknown
  token?: string
  /** Whether to come again when the service sheds load, as it asks; yes unless given. */
  retry?: boolean
}

export type Answer = {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body as JSON; an empty object where it is none. */
  json: Record<string, unknown>
  traceId: string
  exchange: Exchange
}

/** The loopback network has 16 million addresses: limits by address count every caller apart. */
const FIRST_ADDRESS = { second: 16, rest: 1 }
const LONGEST_WAIT_MS = 15_000

/** The cookies that an answer sets, each with its attributes. */
export function cookiesOf({ headers }: Pick<Answer, 'headers'>): string[] {
  return headers['set-cookie'] ?? []
}

/** The same as a browser sends them back: names and values, without attributes. */
export function cookiePairsOf(answer: Pick<Answer, 'headers'>): string[] {
  return cookiesOf(answer).map(cookie => cookie.split(';', 1)[0] ?? '')
}

export type Client = ReturnType<ReturnType<typeof createHttp>['client']>

/** Makes callers of the service at `origin`, which is on this machine. */
export function createHttp(origin: string, trace: (id: string) => Promise<TraceEvent[]>) {
  const { hostname, port } = new URL(origin)
  let addresses = FIRST_ADDRESS.rest
  let calls = 0
  const perOrigin = { hostname, port: Number(port) }

  function nextAddress(): string | undefined {
    addresses += 1
    // Only Linux answers for the whole of 127/8 without being told to.
    if (process.platform !== 'linux' || hostname !== '127.0.0.1') return undefined
    return `127.${FIRST_ADDRESS.second + ((addresses >> 16) & 0x3f)}.${(addresses >> 8) & 255}.${addresses & 255}`
  }

  /** A caller with an address of its own. */
  function client(localAddress = nextAddress()) {
    const agent = new Agent({ keepAlive: true })
    async function call(method: string, path: string, options: Call = {}): Promise<Answer> {
      const { body, headers } = prepare(options)
      const retries = options.retry === false ? 0 : MOST_RETRIES
      const sending = { ...perOrigin, method, path, body, agent, ...(localAddress && { localAddress }) }
      for (let retry = 0; ; retry++) {
        calls += 1
        const traceId = `trace-${process.pid}-${calls}`
        const got = await send({ ...sending, headers: { [TRACE_HEADER]: traceId, ...headers } })
        const wait = retry < retries ? waitOf(got) : undefined
        if (wait === undefined) return describe(got, { method, path, sent: options.sent, traceId })
        await sleep(wait)
      }
    }
    return { call, localAddress }
  }

  return { origin, ...perOrigin, client, trace }
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

type Sending = {
  hostname: string
  port: number
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | undefined
  agent: Agent
  localAddress?: string
}

/** A service that sheds load on a busy machine says when to come again, and is taken at its word this often. */
const MOST_RETRIES = 8
const LONGEST_RETRY_S = 2

type Got = Pick<Answer, 'status' | 'headers' | 'text'>

/** The milliseconds after which a shed request is welcome again; undefined for an answer that is one. */
function waitOf({ status, headers }: Got): number | undefined {
  const seconds = Number(headers['retry-after'])
  return status === 503 && seconds <= LONGEST_RETRY_S ? seconds * 1000 : undefined
}

type Asked = { method: string; path: string; sent: string | undefined; traceId: string }

function describe(got: Got, { method, path, sent = 'a plain request', traceId }: Asked): Answer {
  const json = parse(got.text)
  const exchange: Exchange = {
    ...{ kind: 'exchange', sent, request: `${method} ${namePath(path)}`, status: got.status },
    ...(typeof json.code === 'string' && { code: json.code }),
  }
  return { ...got, json, traceId, exchange }
}

function send({ body, ...options }: Sending) {
  const { promise, resolve, reject } = Promise.withResolvers<Got>()
  let isAnswered = false
  const request = httpRequest(options, response => {
    isAnswered = true
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString(),
      }),
    )
  })
  // For the whole of the answer: one that never ends (server-sent events) is never silent either.
  const deadline = setTimeout(() => {
    reject(new Error(`not answered within ${LONGEST_WAIT_MS / 1000} s`))
    request.destroy()
  }, LONGEST_WAIT_MS)
  // A refused body may close the connection while it is still being sent, after the answer.
  request.on('error', error => (isAnswered ? undefined : reject(error)))
  request.end(body)
  return promise.finally(() => clearTimeout(deadline))
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // Not JSON: the text is all there is.
    return {}
  }
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi
const LONGEST_PATH = 100

/** A path without what only this run knows. */
export function namePath(path: string): string {
  const named = path.replace(UUID, '{id}')
  return named.length <= LONGEST_PATH ? named : `${named.slice(0, LONGEST_PATH)}…`
}
