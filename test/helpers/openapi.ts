/** Reads the service's own OpenAPI document, for tests that are generated from it. */
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
  /** The path template of the document: `/users/{id}`. */
  path: string
  /** Method and path, for the names of tests. */
  name: string
}

/** Returns the OpenAPI document of an app. */
export function documentOf(app: FastifyInstance): Document {
  // Through JSON, as clients get it: without shared references between its parts.
  return JSON.parse(JSON.stringify(app.swagger())) as Document
}

/** Returns all operations of a document. */
export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, operation]) => {
      const method = name.toUpperCase() as Method
      return { ...operation, method, path, name: `${method} ${path}` }
    }),
  )
}

/** Returns the error codes that an operation documents for a status: the names of its examples. */
export function codesOf({ responses }: Operation, status: number): string[] {
  return Object.keys(responses[status]?.content?.['application/problem+json']?.examples ?? {})
}

/** Returns the 2xx status that an operation documents. */
export function successOf({ responses }: Operation): number {
  return Number(Object.keys(responses).find(status => status.startsWith('2')))
}

/** Returns the schema and examples of an operation's JSON body, or undefined if it takes none. */
export function bodyOf({ requestBody }: Operation): Media | undefined {
  return requestBody?.content['application/json']
}

/** Returns the path with a value for each of its parameters. The value must be escaped. */
export function fillPath({ path }: Pick<Operation, 'path'>, value: string): string {
  return path.replace(/\{\w+\}/g, () => value)
}
