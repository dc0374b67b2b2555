/** An empty body counts as no body, with any content type, on every route, and in every way to send none. */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createTestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { createPathIds, fixtureOf } from '../helpers/fixtures.ts'
import { bodyOf, documentOf, fillPath, type Operation, operationsOf } from '../helpers/openapi.ts'
import { exchange, openConnection } from '../helpers/raw-http.ts'
import { openSessions } from '../helpers/sessions.ts'
import { createTokenFactory } from '../helpers/tokens.ts'

const METRICS_TOKEN = 'a metrics token of the tests'
const service = await createTestApp({ METRICS_TOKEN, LOG_LEVEL: 'info' })
await service.app.listen({ host: '127.0.0.1', port: 0 })
afterAll(service.close)
const { port } = service.app.server.address() as AddressInfo
const tokenFor = createTokenFactory(testConfig(service.database.url))
const operations = operationsOf(documentOf(service.app))
const user = await service.signUp()
const signIn = async () => ({ ...user, accessToken: await openSession() })
const idFor = createPathIds(service, signIn, user.id)
const createObject = async (operation: Operation) => fixtureOf(operation).create(service, await signIn())

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/json;',
  'APPLICATION/JSON',
  'application/vnd.api+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'text/plain\r\nContent-Type: application/json',
  '*/*',
  '/',
  '',
  'nonsense',
]

const contentType = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TYPES) },
  { weight: 1, arbitrary: fc.stringMatching(/^[!-~]{1,20}$/) },
)

/** The ways to send an empty body: the headers, and the bytes after them. */
const NOTHING = {
  'no length': ['', ''],
  'a length of 0': ['Content-Length: 0\r\n', ''],
  'no chunks': ['Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  'no chunks, but a trailer': ['Transfer-Encoding: chunked\r\n', '0\r\nX-Sum: 1\r\n\r\n'],
} as const

const way = fc.constantFrom(...(Object.keys(NOTHING) as (keyof typeof NOTHING)[]))

/** A token of a session that is open: some of the operations end it. */
async function openSession(): Promise<string> {
  const [session] = await openSessions(service.database, user.id, 1)
  return tokenFor({ userId: user.id, role: 'admin', ...(session && { sessionId: session.id }) })
}

async function send(operation: Operation, headers: string, body = '', given?: string) {
  const token = operation.path === '/metrics' ? METRICS_TOKEN : await openSession()
  const head = `${operation.method} ${fillPath(operation, given ?? (await idFor(operation)))} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n`
  const [response] = await exchange(port, [`${head}Authorization: Bearer ${token}\r\n${headers}\r\n${body}`])
  if (!response) throw new Error('there was no response')
  return response
}

/** The response of an operation to a request without a body and without headers for one. */
async function expectationOf(operation: Operation) {
  const { status, body } = await send(operation, '')
  return { status, code: body.startsWith('{') ? (JSON.parse(body).code as unknown) : undefined }
}

describe.each(operations.map(operation => [operation.name, operation] as const))('%s', (_name, operation) => {
  it('responds to an empty body of any type as to none', async () => {
    const expected = await expectationOf(operation)
    if (bodyOf(operation)) expect(expected).toEqual({ status: 400, code: 'VALIDATION_FAILED' })
    // 401 where a cookie is required: none is sent here.
    else expect([200, 204, 401, 403, 404, 409]).toContain(expected.status)
    if (['user', 'owner', 'admin'].includes(operation['x-guard'].requires))
      expect(expected.status).not.toBe(401)
    await fc.assert(
      fc.asyncProperty(contentType, way, async (type, how) => {
        const [headers, bytes] = NOTHING[how]
        const { status, body } = await send(operation, `Content-Type: ${type}\r\n${headers}`, bytes)
        const code = body.startsWith('{') ? JSON.parse(body).code : undefined
        expect({ status, code }, `${type}, ${how}: ${body}`).toEqual(expected)
      }),
      { numRuns: 30, seed: 3 },
    )
  })
})

describe('a route that expects a body', () => {
  it('reports that the body must be an object where there is none, or an empty one', async () => {
    for (const operation of operations.filter(bodyOf)) {
      const { body } = await send(operation, 'Content-Type: text/plain\r\nContent-Length: 0\r\n')
      expect(JSON.parse(body).errors, operation.name).toEqual([
        { path: '/body', message: 'must be object', keyword: 'type' },
      ])
    }
  })

  it('refuses content of another type with 415, also where it comes in chunks or has no type', async () => {
    for (const operation of operations.filter(({ method }) => method !== 'GET')) {
      // Of an object that exists: a request that is refused does not delete it.
      const id = operation.path.includes('{') ? await createObject(operation) : ''
      for (const type of ['Content-Type: text/plain\r\n', 'Content-Type: nonsense\r\n', '']) {
        const length = await send(operation, `${type}Content-Length: 2\r\n`, '{}', id)
        expect(length.status, `${operation.name} ${type}`).toBe(415)
        const chunked = await send(
          operation,
          `${type}Transfer-Encoding: chunked\r\n`,
          '2\r\n{}\r\n0\r\n\r\n',
          id,
        )
        expect(chunked.status, `${operation.name} ${type}`).toBe(415)
      }
    }
  })
})

describe('a client that leaves before the first byte of its body', () => {
  it('causes no failure of the service', async () => {
    service.log.length = 0
    const client = await openConnection(`http://127.0.0.1:${port}`)
    client.write(
      'POST /api/v1/auth/register HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    await sleep(200)
    client.close()
    const lines = () =>
      service.log.map(text => JSON.parse(text)).filter(({ route }) => route === '/api/v1/auth/register')
    await expect.poll(() => lines().length).toBe(1)
    expect(lines()[0]).toMatchObject({ status: 499 })
    expect(service.log.filter(text => JSON.parse(text).level === 'error')).toEqual([])
  })
})

describe('with an empty body of JSON', () => {
  it('a session can be ended, and a logout ends it', async () => {
    const user = await service.signUp()
    const other = await service.logIn(user.email)
    const list = await service.call('GET', '/api/v1/auth/sessions', { token: user.accessToken })
    const { id } = list.json().items.find(({ current }: { current: boolean }) => !current)
    const headers = { 'content-type': 'application/json' }
    const ended = await service.call('DELETE', `/api/v1/auth/sessions/${id}`, {
      token: user.accessToken,
      headers,
    })
    expect(ended.statusCode).toBe(204)
    expect((await service.refresh(other.refreshToken)).statusCode).toBe(401)
    const logout = await service.call('POST', '/api/v1/auth/logout', { token: user.accessToken, headers })
    expect(logout.statusCode).toBe(204)
  })
})
