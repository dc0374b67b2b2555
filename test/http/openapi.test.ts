/** The OpenAPI document is valid, and describes every route as it behaves. */
import { validate } from '@scalar/openapi-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, describe, expect, it } from 'vitest'
import { createTestApp } from '../helpers/app.ts'
import { bodyOf, codesOf, documentOf, fillPath, operationsOf } from '../helpers/openapi.ts'

const service = await createTestApp({ METRICS_TOKEN: 'a metrics token of the tests' })
afterAll(service.close)

const document = documentOf(service.app)
const operations = operationsOf(document)
const ajv = addFormats.default(new Ajv2020({ strict: true, strictTypes: false, keywords: ['components'] }))

/** The routes of the document and its page, and those of every path: no part of the API that it describes. */
const UNDOCUMENTED = /^(GET|HEAD) \/(openapi\.json|docs\b.*)$|^OPTIONS /

const SECURITY: Record<string, object | undefined> = {
  nothing: undefined,
  user: [{ accessToken: [] }],
  owner: [{ accessToken: [] }],
  admin: [{ accessToken: [] }],
  refreshToken: [{}, { refreshCookie: [], csrfToken: [] }],
  refreshCookie: [{ refreshCookie: [] }],
  metricsToken: [{ metricsToken: [] }],
}

/** Every method and path in the router's tree, whose lines are indented by four characters for each level. */
function routerPaths(): { path: string; methods: string[] }[] {
  const branch: string[] = []
  return service.app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap(line => {
      const [, indent = '', segment = '', methods] = /^(.*)── (\S+)(?: \(([^)]+)\))?$/.exec(line) ?? []
      branch.splice(Math.floor(indent.length / 4), Number.POSITIVE_INFINITY, segment)
      return methods ? [{ path: branch.join(''), methods: methods.split(', ') }] : []
    })
}

/** Every method and path that has a route and is not refused with 405, by requests to the app. */
async function routes(): Promise<string[]> {
  const found: string[] = []
  for (const { path, methods } of routerPaths()) {
    for (const method of methods) {
      const url = path.replace(/:\w+/g, crypto.randomUUID())
      const { statusCode } = await service.app.inject({ method: method as 'GET', url })
      if (statusCode !== 405) found.push(`${method} ${path}`)
    }
  }
  return found
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', () => {
    expect(validate(document, { checkPathParameters: true })).toMatchObject({ valid: true, version: '3.1' })
  })

  it('has every route except those that serve it', async () => {
    const documented = operations.flatMap(({ method, path }) => {
      const route = path.replace(/\{(\w+)\}/g, ':$1')
      return method === 'GET' ? [`GET ${route}`, `HEAD ${route}`] : [`${method} ${route}`]
    })
    const found = await routes()
    expect(found.length).toBeGreaterThan(20)
    expect(found.filter(route => !UNDOCUMENTED.test(route)).sort()).toEqual([...new Set(documented)].sort())
  })

  it('names every operation once', () => {
    const names = operations.map(operation => operation.operationId)
    expect(names.filter(name => !/^[a-z][A-Za-z0-9]+$/.test(name))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
  })

  it('has schemas of JSON Schema 2020-12, and valid examples', () => {
    const medias = operations.flatMap(operation => [
      ...(bodyOf(operation) ? [[`${operation.name} body`, bodyOf(operation)] as const] : []),
      ...Object.entries(operation.responses).flatMap(([status, response]) =>
        Object.values(response.content ?? {}).map(media => [`${operation.name} ${status}`, media] as const),
      ),
    ])
    for (const [name, media] of medias) {
      const { example, examples = { only: { value: example } }, schema } = media ?? { schema: {} }
      const isValid = ajv.compile({ ...schema, components: document.components })
      for (const { value } of Object.values(examples)) {
        expect(value, name).toBeDefined()
        expect(isValid(value), `${name}: ${ajv.errorsText(isValid.errors)}`).toBe(true)
      }
    }
    expect(medias.length).toBeGreaterThan(operations.length * 5)
  })
})

describe.each(operations.map(operation => [operation.name, operation] as const))('%s', (_name, operation) => {
  it('has a summary, a tag, a description of each response, and the security of its guard', () => {
    expect(operation.summary).toMatch(/^[A-Z].{8,}[^.]$/)
    expect(operation.tags).toHaveLength(1)
    for (const { description } of Object.values(operation.responses)) {
      expect(description).not.toMatch(/^(Default Response)?$/)
    }
    expect(Object.keys(SECURITY)).toContain(operation['x-guard'].requires)
    expect(operation.security).toEqual(SECURITY[operation['x-guard'].requires])
  })

  it('documents what follows from its guard, its body and its limits', () => {
    const { 'x-guard': guard, method, responses } = operation
    const has = (status: number) => responses[status] !== undefined
    expect(has(401)).toBe(
      guard.requires !== 'nothing' || codesOf(operation, 401).includes('INVALID_CREDENTIALS'),
    )
    const isRefused = guard.requires === 'admin' || guard.requires === 'owner'
    if (isRefused && guard.isHidden) expect(codesOf(operation, 404)).toContain('NOT_FOUND')
    else if (isRefused) expect(codesOf(operation, 403)).toContain('FORBIDDEN')
    expect(has(413) && has(415)).toBe(method !== 'GET')
    expect(['/health/live', '/health/ready', '/metrics'].includes(operation.path)).toBe(!has(429))
    for (const status of [400, 408, 414, 431, 500]) expect(has(status), String(status)).toBe(true)
  })

  it('requires what its guard requires: without a token, a guarded route responds 401, and no other does', async () => {
    const url = fillPath(operation, crypto.randomUUID())
    const payload = operation['x-guard'].requires === 'refreshToken' ? { payload: {} } : {}
    const { statusCode } = await service.app.inject({ method: operation.method, url, ...payload })
    expect(statusCode === 401).toBe(operation['x-guard'].requires !== 'nothing')
  })
})
