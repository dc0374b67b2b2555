/** Every error status of the service is sent as a problem, and reveals nothing about its internals (P17). */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { errors } from '../../src/http/errors.ts'
import { createTestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { catalogue, expectProblem } from '../helpers/problems.ts'
import { createTokenFactory } from '../helpers/tokens.ts'

const SECRET = 'select password_hash from users at /srv/app/src/secret.ts:12:3'

/** Values that handlers may throw, by path. */
const THROWN: Record<string, () => unknown> = {
  error: () => new Error(SECRET),
  'error-with-a-status-of-ours': () => Object.assign(new Error(SECRET), { statusCode: 404 }),
  'error-with-an-unknown-status': () => Object.assign(new Error(SECRET), { statusCode: 418 }),
  'error-with-a-status-of-success': () => Object.assign(new Error(SECRET), { statusCode: 200 }),
  'error-with-no-status-at-all': () => Object.assign(new Error(SECRET), { statusCode: 'x', code: SECRET }),
  null: () => null,
  undefined: () => undefined,
  string: () => SECRET,
  object: () => ({ statusCode: 503, message: SECRET }),
}

function addFailingRoutes(app: FastifyInstance): void {
  for (const [name, make] of Object.entries(THROWN)) {
    app.get(`/fail/${name}`, async () => {
      throw make()
    })
  }
  app.get('/fail/query', async () => app.database.pool.query('select * from no_such_table'))
  app.get(
    '/fail/late',
    {
      schema: {
        response: { 200: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } } },
      },
    },
    async () => ({}),
  )
  app.get('/fail/conflict', async () => {
    throw new errors.Conflict()
  })
}

const service = await createTestApp({ LOG_LEVEL: 'info', BODY_LIMIT: '1024' }, addFailingRoutes)
afterAll(service.close)
const tokenFor = createTokenFactory(testConfig(service.database.url))

/** Sends a request, and asserts that the response is a problem. */
async function problemOf(request: InjectOptions, expected: { status: number; code: string }) {
  const response = await service.app.inject(request)
  return { ...expectProblem(asAnswer(response), expected), headers: response.headers }
}

function asAnswer({ statusCode, headers, body }: LightMyRequestResponse) {
  return { status: statusCode, headers, body }
}

const json = (payload: string): InjectOptions => ({
  method: 'POST',
  url: '/api/v1/auth/login',
  headers: { 'content-type': 'application/json' },
  payload,
})

describe('P17: a refusal is a problem', () => {
  it('400, where the body is not JSON, or not valid: with the place of each error', async () => {
    await problemOf(json('{"email":'), { status: 400, code: 'BAD_REQUEST' })
    const { errors: missing } = await problemOf(json('{"email":"ada@example.com"}'), {
      status: 400,
      code: 'VALIDATION_FAILED',
    })
    expect(missing).toEqual([{ path: '/body/password', message: 'is required', keyword: 'required' }])
    const strange = `a/b~${'c'.repeat(100)}`
    const { errors: unknown } = await problemOf(
      json(JSON.stringify({ email: 'ada@example.com', password: 'x', [strange]: 1 })),
      { status: 400, code: 'VALIDATION_FAILED' },
    )
    expect(unknown).toEqual([
      {
        path: `/body/a~1b~0${'c'.repeat(60)}`,
        message: 'is not a known property',
        keyword: 'additionalProperties',
      },
    ])
    const { errors: query } = await problemOf(
      {
        url: '/api/v1/users?limit=0',
        headers: { authorization: `Bearer ${await tokenFor({ role: 'admin' })}` },
      },
      { status: 400, code: 'VALIDATION_FAILED' },
    )
    expect(query).toEqual([{ path: '/querystring/limit', message: 'must be >= 1', keyword: 'minimum' }])
  })

  it.each(['/%ff', '/api/v1/users/%', '/api/v1/users/%c0%af', '/health/live/%zz'])(
    '400, where the URL is %s, which has no decoding: with the URL, a limit and a line in the log',
    async url => {
      const problem = await problemOf({ url }, { status: 400, code: 'BAD_REQUEST' })
      expect(problem.instance).toBe(url)
      const line = service.log
        .map(text => JSON.parse(text))
        .find(({ requestId }) => requestId === problem.requestId)
      expect(line).toMatchObject({ path: url, status: 400, route: 'unmatched' })
    },
  )

  it('401, with the scheme to authenticate with', async () => {
    const problem = await problemOf({ url: '/api/v1/users/me' }, { status: 401, code: 'UNAUTHORIZED' })
    expect(problem.headers['www-authenticate']).toBe('Bearer')
    await problemOf(json('{"email":"unknown@example.com","password":"wrong password"}'), {
      status: 401,
      code: 'INVALID_CREDENTIALS',
    })
  })

  it('403 and 409', async () => {
    const userId = crypto.randomUUID()
    const authorization = `Bearer ${await tokenFor({ userId, role: 'admin' })}`
    const other = {
      method: 'PUT',
      url: `/api/v1/users/${crypto.randomUUID()}`,
      headers: { authorization },
      payload: {},
    } as const
    await problemOf(other, { status: 403, code: 'FORBIDDEN' })
    const self = {
      method: 'POST',
      url: `/api/v1/users/${userId}/disable`,
      headers: { authorization },
    } as const
    await problemOf(self, { status: 409, code: 'CONFLICT' })
    await problemOf({ url: '/fail/conflict' }, { status: 409, code: 'CONFLICT' })
  })

  it('404, for an unknown path and for a similar one, with an empty body for HEAD', async () => {
    for (const url of [
      '/',
      '/nowhere',
      '/api/v1/users/me/',
      '/API/v1/users/me',
      '//health/live',
      '/.nowhere',
      '/health/live;x=1',
    ]) {
      const problem = await problemOf({ url }, { status: 404, code: 'NOT_FOUND' })
      expect(problem.instance).toBe(url)
    }
    const { statusCode, body } = await service.app.inject({ method: 'HEAD', url: '/nowhere' })
    expect({ statusCode, body }).toEqual({ statusCode: 404, body: '' })
  })

  it.each(['POST', 'PATCH', 'TRACE', 'DELETE'] as const)(
    '405 to %s, with the allowed methods, for any body',
    async method => {
      const payload =
        method === 'TRACE' ? {} : { payload: 'x'.repeat(2000), headers: { 'content-type': 'text/plain' } }
      const problem = await problemOf({ method, url: '/api/v1/users/me', ...payload } as InjectOptions, {
        status: 405,
        code: 'METHOD_NOT_ALLOWED',
      })
      expect(problem.headers.allow).toBe('GET, HEAD, OPTIONS')
    },
  )

  it('413, 414 and 415', async () => {
    await problemOf(json(`{"email":"${'a'.repeat(2000)}"}`), { status: 413, code: 'PAYLOAD_TOO_LARGE' })
    await problemOf({ url: `/nowhere?q=${'a'.repeat(4096)}` }, { status: 414, code: 'URI_TOO_LONG' })
    await problemOf({ url: `/api/v1/users/${'a'.repeat(129)}` }, { status: 414, code: 'URI_TOO_LONG' })
    for (const type of [
      'text/plain',
      'application/json; charset=utf-16',
      'application/x-www-form-urlencoded',
      'nonsense',
    ]) {
      await problemOf(
        { ...json('{}'), headers: { 'content-type': type } },
        { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
      )
    }
    const coded = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    await problemOf({ ...json('{}'), headers: coded }, { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
  })
})

describe('P17: a failure is a problem without details', () => {
  it.each(Object.keys(THROWN).filter(name => name !== 'error-with-a-status-of-ours'))(
    '500, where a handler throws %s',
    async name => {
      await problemOf({ url: `/fail/${name}` }, { status: 500, code: 'INTERNAL_ERROR' })
    },
  )

  it('500, where a query is wrong, or the response does not match its schema', async () => {
    await problemOf({ url: '/fail/query' }, { status: 500, code: 'INTERNAL_ERROR' })
    await problemOf({ url: '/fail/late' }, { status: 500, code: 'INTERNAL_ERROR' })
  })

  it('keeps the status of an error of a plugin, but not its message', async () => {
    const problem = await problemOf(
      { url: '/fail/error-with-a-status-of-ours' },
      { status: 404, code: 'NOT_FOUND' },
    )
    expect(problem.detail).toBe('There is no such resource')
  })

  it('logs the failure under the id of the response', async () => {
    const { requestId } = await problemOf({ url: '/fail/error' }, { status: 500, code: 'INTERNAL_ERROR' })
    const lines = service.log.map(text => JSON.parse(text)).filter(line => line.requestId === requestId)
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'INTERNAL_ERROR',
        err: expect.objectContaining({ message: SECRET }),
      }),
    )
  })
})

describe('the catalogue', () => {
  it('has one code for each entry, and titles without a period', () => {
    const { entries } = catalogue
    expect(new Set(entries.map(({ code }) => code)).size).toBe(entries.length)
    for (const { code, title, status } of entries) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
      expect(title).toMatch(/^[A-Z].*[^.]$/)
      expect([400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 429, 431, 500, 503]).toContain(status)
    }
  })
})
