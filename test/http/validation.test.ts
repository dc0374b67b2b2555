/** A response to an invalid request lists its errors in words, in limited size and time. */
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import type { Problem } from '../../src/http/error-handler.ts'
import { MAX_FIELD_ERRORS } from '../../src/http/field-errors.ts'
import { createTestApp } from '../helpers/app.ts'
import { testConfig } from '../helpers/config.ts'
import { createPathIds } from '../helpers/fixtures.ts'
import {
  bodyOf,
  documentOf,
  fillPath,
  type Operation,
  operationsOf,
  type Schema,
} from '../helpers/openapi.ts'
import { openSessions } from '../helpers/sessions.ts'
import { createTokenFactory } from '../helpers/tokens.ts'

/** A route with every part that a schema can describe. */
function addRoute(app: FastifyInstance): void {
  const strict = { type: 'object', additionalProperties: false }
  app.post(
    '/parts/:number',
    {
      schema: {
        params: { ...strict, properties: { number: { type: 'integer' } } },
        querystring: { ...strict, properties: { even: { type: 'boolean' } } },
        headers: { type: 'object', required: ['x-needed'], properties: { 'x-needed': { type: 'string' } } },
        body: { ...strict, properties: { list: { type: 'array', items: { type: 'integer' } } } },
      },
    },
    async () => ({}),
  )
}

const service = await createTestApp({}, addRoute)
afterAll(service.close)
const tokenFor = createTokenFactory(testConfig(service.database.url))
const withBody = operationsOf(documentOf(service.app)).filter(
  operation => bodyOf(operation) && operation.path !== '/parts/{number}',
)

const user = await service.signUp()
const idFor = createPathIds(service, async () => user, user.id)
const [session] = await openSessions(service.database, user.id, 1)
const token = await tokenFor({ userId: user.id, role: 'admin', ...(session && { sessionId: session.id }) })

/** Sends a body, and returns the problem of the response. */
async function refusalOf(operation: Operation, body: unknown, query = '') {
  const response = await service.app.inject({
    method: operation.method,
    url: fillPath(operation, await idFor(operation)) + query,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })
  expect(response.statusCode, response.body).toBe(400)
  return { problem: response.json() as Problem, size: response.body.length, text: response.body }
}

const placesOf = ({ errors = [] }: Problem) => errors.map(({ path, keyword }) => `${path} ${keyword}`).sort()

type Mistake = { value?: unknown; keyword: string }

const LIST: Mistake = { value: ['x'], keyword: 'type' }

/** Errors of a property: the value that is sent, and the keyword that reports it. */
const MISTAKES: Record<string, (schema: Schema) => Mistake> = {
  missing: () => ({ keyword: 'required' }),
  'a list': () => LIST,
  'another type': ({ type }) => ({ value: [type].flat().includes('string') ? 7 : 'x', keyword: 'type' }),
  null: ({ type }) => ([type].flat().includes('null') ? LIST : { value: null, keyword: 'type' }),
  'too long': ({ maxLength }) =>
    typeof maxLength === 'number' ? { value: 'x'.repeat(maxLength + 1), keyword: 'maxLength' } : LIST,
}

describe.each(withBody.map(operation => [operation.name, operation] as const))('%s', (_name, operation) => {
  const schema = bodyOf(operation)?.schema ?? {}
  const names = Object.keys(schema.properties ?? {})
  const required = (schema.required ?? []) as string[]

  it('lists every error, each with its path, a message and a keyword', async () => {
    const kinds = fc.array(fc.constantFrom(...Object.keys(MISTAKES)), {
      minLength: names.length,
      maxLength: names.length,
    })
    const unknown = fc.uniqueArray(fc.stringMatching(/^x-[a-z]{1,8}$/), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(kinds, unknown, async (chosen, extra) => {
        const body: Record<string, unknown> = Object.fromEntries(extra.map(name => [name, 1]))
        const expected = extra.map(name => `/body/${name} additionalProperties`)
        for (const [i, name] of names.entries()) {
          const { value, keyword } = MISTAKES[chosen[i] ?? '']?.(schema.properties?.[name] ?? {}) ?? LIST
          if (value !== undefined) body[name] = value
          if (value !== undefined || required.includes(name)) expected.push(`/body/${name} ${keyword}`)
        }
        const { problem } = await refusalOf(operation, body)
        expect(problem.code).toBe('VALIDATION_FAILED')
        expect(placesOf(problem)).toEqual(expect.arrayContaining(expected))
        expect(new Set(problem.errors?.map(({ path }) => path)).size).toBe(expected.length)
        for (const { message } of problem.errors ?? []) expect(message).toMatch(/^(must|is) .{3,}[^.]$/)
      }),
      { numRuns: 40, seed: 4 },
    )
  })

  it('repeats no value, and no pattern', async () => {
    const body = Object.fromEntries([...names, 'extra'].map(name => [name, `s3cret\u0001${name}`]))
    const { problem, text } = await refusalOf(operation, body)
    expect(text).not.toContain('s3cret')
    expect(JSON.stringify(problem.errors)).not.toMatch(/\^|\\\\|\[A-Z/)
  })

  it('lists the first of thousands, and says how many there are', async () => {
    const members = Array.from({ length: 7000 }, (_, i) => `"${i}":1`)
    const { problem, size } = await refusalOf(operation, `{${members}}`)
    expect(problem.errors).toHaveLength(MAX_FIELD_ERRORS)
    const count = 7000 + required.length
    expect(problem.detail).toContain(`of ${count} mistakes, the first ${MAX_FIELD_ERRORS} are listed`)
    expect(size).toBeLessThan(20_000)
  })

  it('refuses any text in a time proportional to its size', async () => {
    for (const name of names) {
      for (const run of ['a', ' ', '.', 'a.', '-', 'é', '\u0301', '\u200d', '👩']) {
        for (const end of ['', '\u0001', '\u202e', '@', '@a']) {
          const text = run.repeat(60_000 / Buffer.byteLength(run)) + end
          // A pattern that backtracks for each character takes seconds. A busy machine is slow once, not three times.
          const times = []
          for (let attempt = 0; attempt < 3 && !(Math.min(...times) < 300); attempt += 1) {
            const start = performance.now()
            await refusalOf(operation, { [name]: text })
            times.push(performance.now() - start)
          }
          expect(Math.min(...times), `${name}: ${JSON.stringify(run + end)}`).toBeLessThan(300)
        }
      }
    }
  })
})

describe('a request with errors in all of its parts', () => {
  it('gets all of them at once, and an alternative counts as one error', async () => {
    const { body } = await service.app.inject({
      method: 'POST',
      url: '/parts/one?even=maybe&odd=1',
      payload: { list: [1, 'two', 'three'], more: 1 },
    })
    expect(placesOf(JSON.parse(body))).toEqual([
      '/body/list/1 type',
      '/body/list/2 type',
      '/body/more additionalProperties',
      '/headers/x-needed required',
      '/params/number type',
      '/querystring/even type',
      '/querystring/odd additionalProperties',
    ])
    const list = await service.app.inject({
      url: '/api/v1/users?sort=name&limit=1000&role=root',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(list.json().errors).toEqual([
      { path: '/querystring/limit', message: 'must be <= 100', keyword: 'maximum' },
      {
        path: '/querystring/sort',
        message: 'must be one of createdAt, -createdAt, email, -email',
        keyword: 'anyOf',
      },
      { path: '/querystring/role', message: 'must be one of user, admin', keyword: 'anyOf' },
    ])
  })

  it('gets the rule of a pattern in words', async () => {
    const { body } = await service.app.inject({
      url: '/api/v1/users/me2',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(JSON.parse(body).errors).toEqual([
      {
        path: '/params/id',
        message: 'must be a UUID: 32 hex digits in groups of 8, 4, 4, 4 and 12',
        keyword: 'pattern',
      },
    ])
  })
})
