/** The security headers of every response, what the docs page may load, and which pages may call the API. */
import type { InjectOptions } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { createTestApp } from '../helpers/app.ts'

const ALLOWED = ['https://app.example.com', 'http://localhost:5173']

const service = await createTestApp({ CORS_ORIGINS: ALLOWED.join(', ') }, app => {
  app.get('/fail', async () => {
    throw new Error('of the test')
  })
})
afterAll(service.close)
const { app } = service

/** OWASP's REST Security and HTTP Headers cheat sheets, for an API that sends only data. */
const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}

const ANSWERS: [status: number, request: InjectOptions][] = [
  [200, { url: '/health/live' }],
  [200, { url: '/openapi.json' }],
  [200, { url: '/.well-known/jwks.json' }],
  [
    204,
    {
      method: 'OPTIONS',
      url: '/api/v1/users/me',
      headers: { origin: ALLOWED[0], 'access-control-request-method': 'GET' },
    },
  ],
  [400, { url: '/%ff' }],
  [400, { method: 'POST', url: '/api/v1/auth/login', payload: {} }],
  [401, { url: '/api/v1/users/me' }],
  [404, { url: '/nowhere' }],
  [404, { method: 'HEAD', url: '/nowhere' }],
  [405, { method: 'PATCH', url: '/health/live' }],
  [414, { url: `/${'a'.repeat(5000)}` }],
  [500, { url: '/fail' }],
]

/** Responses that a client may cache. */
const KEPT = new Map([
  ['/.well-known/jwks.json', 'public, max-age=300'],
  ['/openapi.json', 'private, max-age=0'],
])

describe('the security headers', () => {
  it.each(ANSWERS)('are on a %i of %j', async (status, request) => {
    const { statusCode, headers } = await app.inject(request)
    expect(statusCode).toBe(status)
    expect(headers).toMatchObject(SECURITY_HEADERS)
    expect(headers['cache-control']).toBe(KEPT.get(String(request.url)) ?? 'no-store')
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(headers).not.toHaveProperty('server')
  })
})

describe('CORS', () => {
  const ask = (origin: string, request: InjectOptions = { url: '/health/live' }) =>
    app.inject({ ...request, headers: { origin } })

  it.each(ALLOWED)('lets pages of %s read responses and problems, with credentials', async origin => {
    for (const [, request] of ANSWERS.filter(([status]) => status !== 204)) {
      const { headers } = await ask(origin, request)
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      })
      expect(headers['access-control-expose-headers']).toBe('x-request-id, retry-after, traceresponse')
    }
  })

  it.each([
    'https://evil.example.com',
    'http://app.example.com',
    'https://app.example.com.evil.com',
    'https://app.example.com:8443',
    'https://xapp.example.com',
    'https://APP.example.com',
    'null',
    '*',
    '',
  ])('lets pages of "%s" read nothing, and keeps caches from mixing them up', async origin => {
    const { headers } = await ask(origin)
    expect(headers).not.toHaveProperty('access-control-allow-origin')
    expect(headers.vary).toBe('Origin')
  })

  it('responds to a preflight without a token, and allows only an allowed origin', async () => {
    const preflight = (origin: string) =>
      app.inject({
        method: 'OPTIONS',
        url: '/api/v1/users/me',
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'authorization,content-type',
        },
      })
    const { statusCode, headers, body } = await preflight('https://app.example.com')
    expect({ statusCode, body }).toEqual({ statusCode: 204, body: '' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-max-age': '600',
    })
    expect((await preflight('https://evil.example.com')).headers).not.toHaveProperty(
      'access-control-allow-origin',
    )
  })

  it('allows no origin where none is configured', async () => {
    const closed = await createTestApp()
    for (const origin of [...ALLOWED, 'null']) {
      const { headers } = await closed.app.inject({ url: '/health/live', headers: { origin } })
      expect(
        Object.keys(headers).filter(name => /^access-control-allow-(origin|credentials)$/.test(name)),
      ).toEqual([])
    }
    await closed.close()
  })
})
