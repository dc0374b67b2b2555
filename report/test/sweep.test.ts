/** Tests of the sweep: what it calls wrong is wrong by the schema, and what it calls an edge is valid by it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { createHttp } from '../http.ts'
import { exampleOf, type JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { sweepRaw } from '../sweep/raw.ts'
import { scopeOf } from '../sweep/sample.ts'
import { sweepService } from '../sweep/sweep.ts'
import { edgeRequests, replaceSegment, wrongRequests } from '../sweep/wrong.ts'

const ajv = new Ajv({ strict: false, validateFormats: false })

function routeOf(method: string, url: string, schemas: ObservedRoute['schemas'] = {}): ObservedRoute {
  const unknown = { summary: undefined, guard: undefined, place: undefined }
  return {
    ...unknown,
    method,
    url,
    security: [],
    handler: '',
    statuses: [],
    readsBody: true,
    isHidden: false,
    schemas,
  }
}

const field: fc.Arbitrary<JsonSchema> = fc.oneof(
  fc.record({
    type: fc.constant('string'),
    minLength: fc.nat(8),
    maxLength: fc.integer({ min: 40, max: 90 }),
  }),
  fc.record({ type: fc.constant('string'), pattern: fc.constant('^[^\\u0000]*$') }),
  fc.record({ type: fc.constant('string'), enum: fc.constant<unknown[]>(['asc', 'desc']) }),
  fc.record({
    type: fc.constantFrom('integer', 'number'),
    minimum: fc.integer({ min: -5, max: 5 }),
    maximum: fc.integer({ min: 6, max: 99 }),
  }),
  fc.record({ type: fc.constant('boolean') }),
)

const strictObject = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,8}$/), field, { minKeys: 1, maxKeys: 5 })
  .chain(properties =>
    fc
      .subarray(Object.keys(properties))
      .map(required => ({ type: 'object', properties, required, additionalProperties: false })),
  )

it('sends wrong bodies that the schema refuses, and edges that it accepts', () => {
  fc.assert(
    fc.property(strictObject, schema => {
      const isValid = ajv.compile(schema)
      const route = routeOf('POST', '/things', { body: schema })
      const honest = { method: 'POST', path: '/things', body: exampleOf(schema) }
      expect(isValid(honest.body)).toBe(true)
      for (const { kind, sent, request } of wrongRequests(route, honest)) {
        const isJson = !Buffer.isBuffer(request.body) && typeof request.body !== 'string' && !request.headers
        // Services refuse a NUL and a large body by rules of their own.
        if (kind === 'body' && isJson && !/^a NUL|2 MiB/.test(sent))
          expect(isValid(request.body), sent).toBe(false)
      }
      for (const { sent, request } of edgeRequests(route, honest))
        expect(isValid(request.body), sent).toBe(true)
    }),
    { numRuns: 300 },
  )
})

it('breaks text in bytes that are valid JSON except for their encoding', () => {
  const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
  const honest = { method: 'POST', path: '/things', body: { name: 'Ada' } }
  const broken = wrongRequests(routeOf('POST', '/things', { body: schema }), honest).find(({ sent }) =>
    sent.includes('in name'),
  )
  const bytes = broken?.request.body as Buffer
  expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow(TypeError)
  expect(JSON.parse(bytes.toString())).toEqual({ name: 'Ada\ufffd\ufffd' })
})

it('replaces one parameter of a path', () => {
  expect(replaceSegment('/a/:x/b/:y', '/a/1/b/2?q=1', 'y', 'new')).toBe('/a/1/b/new?q=1')
  expect(replaceSegment('/a/:x', '/a/1', 'x', '%00')).toBe('/a/%00')
})

/** A server that has one public route, and refuses nothing. */
async function startServer(respond: (method: string) => number) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => response.writeHead(respond(request.method ?? '')).end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  return { seen, http: createHttp(`http://127.0.0.1:${port}`, async () => []) }
}

it('asks every route by every method, and counts what it asked', async () => {
  const { http, seen } = await startServer(() => 200)
  const routes = [routeOf('GET', '/a'), routeOf('GET', '/b/:id')]
  const client = http.client()
  const exhausted = async () => ({ client, path: '/', passed: 1, refused: undefined })
  const { samples, unreached } = await sweepService({
    http,
    routes,
    accounts: undefined,
    allowsWrites: true,
    exhausted,
  })
  expect(unreached).toEqual([])
  expect(scopeOf(samples)).toMatchObject({
    routes: 2,
    requests: samples.length,
    statuses: expect.arrayContaining([200]),
  })
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']) {
    expect(
      seen.some(line => line.startsWith(`${method} /a`)),
      method,
    ).toBe(true)
  }
})

it('sends nothing but GET and HEAD where writes are not allowed', async () => {
  const { http, seen } = await startServer(() => 200)
  const routes = [
    routeOf('GET', '/a'),
    routeOf('POST', '/a', { body: { type: 'object' } }),
    routeOf('DELETE', '/b/:id'),
  ]
  const client = http.client()
  const exhausted = async () => ({ client, path: '/', passed: 1, refused: undefined })
  await sweepService({ http, routes, accounts: undefined, allowsWrites: false, exhausted })
  expect(seen.length).toBeGreaterThan(10)
  expect(seen.filter(line => !/^(GET|HEAD) /.test(line))).toEqual([])
})

it('reads what a parser responds to bytes that are no request', async () => {
  const { http } = await startServer(() => 200)
  const samples = await sweepRaw(http)
  const statuses = Object.fromEntries(
    samples.map(({ response }) => [response.exchange.sent, response.status]),
  )
  expect(statuses).toMatchObject({
    'a request line that is none': 400,
    'headers of 64 kB': 431,
    'two lengths': 400,
  })
})
