/** The OpenAPI document: valid, complete, and true to its own schemas and to the guards. */
import { validate } from '@scalar/openapi-parser'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue } from '../../src/errors.ts'
import { createTestApp, type TestApp } from '../helpers/app.ts'

type Media = { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> }
type Operation = {
  operationId: string
  summary: string
  tags: string[]
  security?: Record<string, string[]>[]
  'x-guard': string
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media>; headers?: object }>
}
type Document = {
  openapi: string
  info: { license: object; description: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: Record<string, object>; schemas: Record<string, object> }
}

let service: TestApp
let document: Document
let operations: [name: string, Operation][]

beforeAll(async () => {
  service = await createTestApp({ METRICS_TOKEN: 'a token of sixteen or more' })
  document = (await service.call('GET', '/openapi.json')).json()
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )
})
afterAll(() => service.close())

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info.license).toEqual({ name: 'MIT', identifier: 'MIT' })
    const { valid, errors } = await validate(document)
    expect({ valid, errors }).toEqual({ valid: true, errors: [] })
  })

  it('names each operation once, sums it up, and files it under a tag that is described', () => {
    const ids = operations.map(([, { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const tags = document.tags.map(({ name }) => name)
    for (const [name, { operationId, summary, tags: own }] of operations) {
      expect(operationId, name).toMatch(/^[a-z][A-Za-z]+$/)
      expect(summary, name).toMatch(/^[A-Z]/)
      expect(tags, name).toEqual(expect.arrayContaining(own))
      expect(own, name).toHaveLength(1)
    }
    for (const { description } of document.tags) expect(description).not.toBe('')
  })

  it('asks for what the guards ask for', () => {
    const accessToken = [{ accessToken: [] }]
    const expected: Record<string, object | undefined> = {
      Public: undefined,
      JWT: accessToken,
      'JWT + Owner': accessToken,
      'JWT + admin': accessToken,
      'Refresh token': [{}, { refreshCookie: [], csrfToken: [] }],
      'Metrics token': [{ metricsToken: [] }],
    }
    for (const [name, operation] of operations) {
      expect(Object.keys(expected), name).toContain(operation['x-guard'])
      expect(operation.security, name).toEqual(expected[operation['x-guard']])
    }
    const used = operations.flatMap(([, { security = [] }]) =>
      security.flatMap(scheme => Object.keys(scheme)),
    )
    expect(new Set(used)).toEqual(new Set(Object.keys(document.components.securitySchemes)))
  })

  it('has an example for each body, and each fits its schema', () => {
    const ajv = new Ajv({ strict: false })
    addFormats.default(ajv)
    for (const [name, { requestBody, responses }] of operations) {
      const bodies = [requestBody, ...Object.values(responses)].flatMap(part =>
        Object.entries(part?.content ?? {}),
      )
      for (const [type, { schema, example, examples }] of bodies.filter(([type]) => type !== 'text/plain')) {
        const values = examples ? Object.values(examples).map(({ value }) => value) : [example]
        const isProblem = type === 'application/problem+json'
        const check = ajv.compile(isProblem ? (document.components.schemas.Problem as object) : schema)
        for (const value of values) {
          expect(value, `${name} ${type}`).toBeDefined()
          expect({ value, errors: check(value) ? null : check.errors }).toEqual({ value, errors: null })
        }
      }
    }
  })

  it('describes every response, and says when to come back after a refusal that passes', () => {
    for (const [name, { responses }] of operations) {
      for (const [status, { description, headers }] of Object.entries(responses)) {
        expect(description, `${name} ${status}`).not.toMatch(/^(Default Response)?$/)
        if (['429', '503'].includes(status))
          expect(headers, `${name} ${status}`).toHaveProperty('Retry-After')
      }
    }
  })

  it('lists every error code with its status and title', () => {
    for (const { code, status, title } of catalogue) {
      expect(document.info.description).toContain(`| ${status} | \`${code}\` | ${title} |`)
    }
  })
})
