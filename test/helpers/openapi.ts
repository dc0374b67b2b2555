/** The service's own OpenAPI document, as the tests that are generated from it read it. */
import type { FastifyInstance } from 'fastify'
import type { Guard } from '../../src/http/guard.ts'

export type Schema = {
  type?: string | string[]
  properties?: Record<string, Schema>
  example?: unknown
  [keyword: string]: unknown
}

type Media = { schema: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }

export type Response = { description: string; headers?: object; content?: Record<string, Media> }

type OperationObject = {
  operationId: string
  summary: string
  tags: string[]
  'x-guard': Omit<Guard, 'requires'> & { requires: Guard['requires'] | 'nothing' }
  security?: Record<string, string[]>[]
  parameters?: { in: 'path' | 'query'; name: string; required: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Response>
}

export type Document = {
  openapi: string
  paths: Record<string, Record<string, OperationObject>>
  components: { schemas: { Problem: Schema }; securitySchemes: Record<string, object> }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export type Operation = OperationObject & {
  method: Method
  /** The template, as in the document: `/users/{id}`. */
  path: string
  /** Method and path: how tests call it. */
  name: string
}

export function documentOf(app: FastifyInstance): Document {
  // By way of JSON: what clients get, without references between its parts.
  return JSON.parse(JSON.stringify(app.swagger())) as Document
}

export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, operation]) => {
      const method = name.toUpperCase() as Method
      return { ...operation, method, path, name: `${method} ${path}` }
    }),
  )
}

/** The codes that an operation may answer under a status: the names of its examples. */
export function codesOf({ responses }: Operation, status: number): string[] {
  return Object.keys(responses[status]?.content?.['application/problem+json']?.examples ?? {})
}

/** The one status of success that an operation documents. */
export function successOf({ responses }: Operation): number {
  return Number(Object.keys(responses).find(status => status.startsWith('2')))
}

/** The schema of an operation's JSON body; undefined where it takes none. */
export function bodyOf({ requestBody }: Operation): Media | undefined {
  return requestBody?.content['application/json']
}

/** The path with each of its parameters replaced by a value, which must be escaped. */
export function fillPath({ path }: Pick<Operation, 'path'>, value: string): string {
  return path.replace(/\{\w+\}/g, () => value)
}
