/** The response of every path to OPTIONS, and paths with an empty part, which do not exist. */
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/config/config.ts'
import { createTestApp, type TestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { documentOf, fillPath, operationsOf } from '../helpers/openapi.ts'
import { expectProblem } from '../helpers/problems.ts'
import { exchange } from '../helpers/raw-http.ts'
import { createTokenFactory } from '../helpers/tokens.ts'

const ORIGIN = 'https://app.example.com'
const closed = await createTestApp()
const open = await createTestApp({ CORS_ORIGINS: ORIGIN })
afterAll(async () => {
  await closed.close()
  await open.close()
})

const operations = operationsOf(documentOf(closed.app))
const paths = [...new Set(operations.map(({ path }) => path)), '/docs', '/docs/scalar.js', '/openapi.json']
const UNKNOWN = [
  '/',
  '/nowhere',
  '/health',
  '/health/ready/',
  '/api/v1/users/me/x',
  '/api/v1//users',
  '/%6eowhere',
]

async function optionsOf({ app }: TestApp, url: string, headers: Record<string, string> = {}) {
  const {
    statusCode: status,
    headers: answered,
    body,
  } = await app.inject({ method: 'OPTIONS', url, headers })
  return { status, headers: answered, body }
}

/** The status of `OPTIONS *`, which names no path. */
async function statusOfServer({ app }: TestApp): Promise<number | undefined> {
  const { port } = (app.server.address() ?? {}) as Partial<AddressInfo>
  const open = port ?? Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
  const [response] = await exchange(open, ['OPTIONS * HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n'])
  return response?.status
}

/** The methods that are documented of a path; HEAD goes with GET. */
function methodsOf(path: string): string[] {
  const documented = operations.filter(operation => operation.path === path).map(({ method }) => method)
  const methods = documented.length > 0 ? documented : ['GET']
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort()
}

describe.each([
  ['without CORS', closed],
  ['with CORS', open],
])('OPTIONS %s', (_name, service) => {
  it.each(paths)('%s responds with the methods of the path', async path => {
    const { status, headers, body } = await optionsOf(service, fillPath({ path }, crypto.randomUUID()))
    expect([status, body]).toEqual([204, ''])
    expect(headers.allow).toBe(methodsOf(path).join(', '))
    expect(headers['x-request-id']).toBeDefined()
  })

  it.each(paths)(
    '%s: the methods that it names are no 405, and the others are one that names them',
    async path => {
      const url = fillPath({ path }, crypto.randomUUID())
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const) {
        const { statusCode, headers } = await service.app.inject({ method: method as 'GET', url })
        const isKnown = methodsOf(path).includes(method)
        expect(statusCode !== 405, method).toBe(isKnown)
        if (!isKnown) expect(headers.allow).toBe(methodsOf(path).join(', '))
      }
    },
  )

  it('is 404 for an unknown path, and 204 for the server as a whole', async () => {
    for (const url of UNKNOWN)
      expectProblem(await optionsOf(service, url), { status: 404, code: 'NOT_FOUND' })
    expect(await statusOfServer(service)).toBe(204)
  })

  it('counts for the rate limit of its client, preflights as well', async () => {
    const strict = await start({ CORS_ORIGINS: service === open ? ORIGIN : '', RATE_LIMIT_MAX: '3' })
    const headers = { origin: ORIGIN, 'access-control-request-method': 'GET' }
    const statuses = []
    for (const url of ['/health/ready', '/docs', '/nowhere', '/api/v1/users'])
      statuses.push((await optionsOf(strict, url, headers)).status)
    expect(statuses).toEqual([204, 204, 404, 429])
    expect(await statusOfServer(strict)).toBe(429)
  })
})

describe('a preflight', () => {
  const ask = {
    origin: ORIGIN,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'x-a',
  }

  it.each(paths)('of %s is allowed, without a token', async path => {
    const { status, headers } = await optionsOf(open, fillPath({ path }, crypto.randomUUID()), ask)
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '600',
    })
  })

  it('is not allowed where no origin is, or another one', async () => {
    for (const [service, origin] of [
      [closed, ORIGIN],
      [open, 'https://evil.example.com'],
    ] as const) {
      const { headers } = await optionsOf(service, '/api/v1/users', { ...ask, origin })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
  })
})

describe('a path with an empty part', () => {
  const withParameter = operations.filter(({ path }) => path.includes('{')).map(({ path }) => path)
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']
  const tokenFor = createTokenFactory(testConfig(closed.database.url))

  it.each([...new Set(withParameter)])(
    '%s does not exist: 404 for every method, signed in or not',
    async path => {
      const tokens = [undefined, await tokenFor({ role: 'admin' }), await tokenFor()]
      const request = fc.record({
        method: fc.constantFrom(...METHODS),
        suffix: fc.constantFrom('', '?', '?id=1', '#', '?x=%00', '?a=1&a=2'),
        token: fc.constantFrom(...tokens),
        type: fc.constantFrom(undefined, 'application/json', 'nonsense'),
        payload: fc.constantFrom(undefined, '', '{', '{}'),
      })
      await fc.assert(
        fc.asyncProperty(request, async ({ method, suffix, token, type, payload }) => {
          const isRead = ['GET', 'HEAD', 'TRACE'].includes(method)
          const response = await closed.app.inject({
            method: method as 'GET',
            url: fillPath({ path }, '') + suffix,
            headers: {
              ...(token !== undefined && { authorization: `Bearer ${token}` }),
              ...(type !== undefined && { 'content-type': type }),
            },
            ...(payload !== undefined && !isRead && { payload }),
          } as InjectOptions)
          expect(response.statusCode, response.body).toBe(404)
          if (method !== 'HEAD') expect(response.json().code).toBe('NOT_FOUND')
        }),
        { numRuns: 60, seed: 10 },
      )
    },
  )

  it('counts for the limit of its client', async () => {
    const strict = await start({ RATE_LIMIT_MAX: '2' })
    const statuses = []
    for (const method of ['GET', 'POST', 'DELETE'] as const)
      statuses.push((await strict.call(method, '/api/v1/users/')).statusCode)
    expect(statuses).toEqual([404, 404, 429])
  })
})

async function start(overrides: Environment): Promise<TestApp> {
  const service = await createTestApp(overrides)
  onTestFinished(service.close)
  return service
}
