/** Clients that reset their connection right after a request cause no failure and one log line, and count for limits. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { exchange } from '../helpers/raw-http.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

type Message = { start: string; headers?: string; body?: string }

const BODY = '{"email":"a@example.com","password":"12345678"}'
const JSON_HEADERS = `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n`
const GET: Message = { start: 'GET /nowhere' }

const KINDS: Record<string, Message[]> = {
  'a path without a route': [GET],
  'a route without a guard': [{ start: 'GET /.well-known/jwks.json' }],
  'a guarded route': [{ start: 'GET /api/v1/users/me', headers: 'authorization: Bearer x.y.z\r\n' }],
  'a login': [{ start: 'POST /api/v1/auth/login', headers: JSON_HEADERS, body: BODY }],
  'half a body': [{ start: 'POST /api/v1/auth/login', headers: JSON_HEADERS, body: BODY.slice(0, 9) }],
  'a pipeline': [GET, { start: 'GET /health/ready' }, { start: 'GET /openapi.json' }, GET],
  'a forwarded scheme': [
    { ...GET, headers: 'x-forwarded-proto: https\r\nx-forwarded-host: example.com\r\n' },
  ],
  'no URL': [{ start: 'GET /%ff' }],
}

const CONNECTIONS = 10

/** More than all other requests of this file. */
const LIMIT = 400

let database: TestDatabase

beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

describe.each([
  { name: 'without a proxy', settings: {}, forwarded: '' },
  {
    name: 'behind a trusted proxy',
    settings: { TRUST_PROXY: '127.0.0.1' },
    forwarded: 'x-forwarded-for: 203.0.113.9\r\n',
  },
])('a connection that is reset after a request, $name', ({ settings, forwarded }) => {
  let service: Service

  beforeAll(async () => {
    service = await startService(database.url, {
      RATE_LIMIT_MAX: String(LIMIT),
      RATE_LIMIT_WINDOW: '1h',
      ...settings,
    })
  })
  afterAll(() => service.stop())

  function render({ start, headers = '', body = '' }: Message, traceId: string): string {
    const trace = `traceparent: 00-${traceId}-00f067aa0ba902b7-01\r\n`
    return `${start} HTTP/1.1\r\nhost: x\r\n${trace}${forwarded}${headers}\r\n${body}`
  }

  const linesOf = (traceId: string) =>
    service.log.map(line => JSON.parse(line)).filter(line => line.traceId === traceId)

  async function openSocket(): Promise<Socket> {
    const { hostname, port } = new URL(service.origin)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    return socket
  }

  const openSockets = () => Promise.all(Array.from({ length: CONNECTIONS }, openSocket))

  /** Resets every connection before the service, which is blocked, reads the requests. Returns the trace ids. */
  function sendAndReset(sockets: Socket[], messages: Message[]): string[] {
    const traceIds = sockets.flatMap(socket => {
      const ids = messages.map(() => randomBytes(16).toString('hex'))
      socket.write(messages.map((message, index) => render(message, ids[index] as string)).join(''))
      socket.resetAndDestroy()
      return ids
    })
    service.child.kill('SIGCONT')
    return traceIds
  }

  /** Waits until the service has accepted all connections that were opened before. */
  async function expectAccepted(): Promise<void> {
    const ask = 'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    const responses = await exchange(Number(new URL(service.origin).port), [ask])
    expect(responses).toMatchObject([{ status: 200 }])
  }

  async function resetAccepted(messages: Message[]): Promise<string[]> {
    const sockets = await openSockets()
    await expectAccepted()
    service.child.kill('SIGSTOP')
    const traceIds = sendAndReset(sockets, messages)
    await until('the lines', () => traceIds.every(traceId => linesOf(traceId).length > 0))
    return traceIds
  }

  it.for(Object.entries(KINDS))('leaves one line, with status 499: %s', async ([, messages]) => {
    const traceIds = await resetAccepted(messages)
    await expectAccepted()
    const lines = traceIds.flatMap(linesOf)
    expect(lines.map(({ level, status, msg }) => `${level} ${status} ${msg}`)).toEqual(
      Array(traceIds.length).fill('info 499 request aborted'),
    )
    const ip = forwarded === '' ? '127.0.0.1' : '203.0.113.9'
    expect(new Set(lines.map(line => line.ip))).toEqual(new Set([ip]))
  })

  it('leaves no line where it was reset before it was accepted: its address is not known', async () => {
    service.child.kill('SIGSTOP')
    const traceIds = sendAndReset(await openSockets(), [GET])
    await expectAccepted()
    expect(traceIds.flatMap(linesOf)).toEqual([])
    expect(service.log.filter(line => /"level":"(warn|error)"/.test(line))).toEqual([])
  })

  it('P16: counts for the limit of its client', async () => {
    await resetAccepted(Array(Math.ceil(LIMIT / CONNECTIONS)).fill(GET))
    const [name, value] = forwarded.trim().split(': ')
    const headers = { ...(name && value && { [name]: value }) }
    expect((await fetch(`${service.origin}/nowhere`, { headers })).status).toBe(429)
  })
})
