/** Generates the OpenAPI 3.1 document from the routes, their schemas and their guards, and serves it unless DOCS=off. */
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { SERVICE_TITLE } from '../config/service-name.ts'
import { exampleOf } from '../lib/schema-example.ts'
import { describeProblem } from './error-handler.ts'
import type { Catalogue, CatalogueEntry, ErrorCode } from './errors.ts'
import { MAX_FIELD_ERRORS } from './field-errors.ts'
import { needsAccessToken } from './guard.ts'
import { createStaticResponse } from './static-response.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The error codes of the route itself. Those that follow from its schema and guard are added to them. */
    errorCodes?: readonly ErrorCode[]
  }
}

const { version, license } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; license: string }

export type Tag = { name: string; 'x-displayName': string; description: string }

type Options = Pick<Config, 'server'> & {
  /** The tags of the modules, in the order in which the docs page lists them. */
  tags: readonly Tag[]
}

export const openapi = fp(
  async (app: FastifyInstance, { server: { hasDocs }, tags }: Options) => {
    const { catalogue } = app
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: SERVICE_TITLE,
          version,
          // `identifier`, an SPDX expression, is new in OpenAPI 3.1. The plugin has the types of 3.0.
          license: { name: license, identifier: license } as { name: string },
          description: describeApi(catalogue),
        },
        servers: [{ url: '/' }],
        tags: [...tags, OPERATIONS],
        components: {
          securitySchemes: SECURITY_SCHEMES,
          schemas: { Problem: problemSchema(catalogue) as object },
        },
      },
      transform: ({ schema, url, route }) => ({ schema: documented(schema, url, route, catalogue), url }),
    })
    if (!hasDocs) return
    let respond: ReturnType<typeof createStaticResponse> | undefined
    app.get(
      '/openapi.json',
      { schema: { hide: true, summary: 'Fetch the OpenAPI document' } },
      function getOpenApi(request, reply) {
        // Generating the document takes 12 ms. The routes do not change after the start, so once is enough.
        respond ??= createStaticResponse(JSON.stringify(app.swagger()), 'application/json; charset=utf-8')
        return respond(request, reply)
      },
    )
  },
  { name: 'openapi', dependencies: ['error-handler'] },
)

const OPERATIONS: Tag = {
  name: 'health',
  'x-displayName': 'Operations',
  description: 'For load balancers and monitoring. Not rate limited.',
}

const SECURITY_SCHEMES = {
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `accessToken` of a login or refresh',
  },
  refreshCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-refresh',
    description: 'Browser mode: a login with `cookie=true` sets it',
  },
  csrfToken: {
    type: 'apiKey',
    in: 'header',
    name: 'X-CSRF-Token',
    description: 'Browser mode: the `csrfToken` of the session, in addition to the cookie',
  },
  metricsToken: { type: 'http', scheme: 'bearer', description: 'The `METRICS_TOKEN` of the service' },
} as const

const problemSchema = (catalogue: Catalogue) =>
  Type.Object(
    {
      type: Type.String({ format: 'uri' }),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String(),
      instance: Type.String({ description: 'Path of the request' }),
      code: Type.String({
        enum: catalogue.entries.map(({ code }) => code),
        description: 'Never changes: for programs',
      }),
      requestId: Type.String({ description: 'The same as in the X-Request-Id header and in the log' }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            path: Type.String({ description: 'JSON pointer' }),
            message: Type.String({ description: 'For people' }),
            keyword: Type.String({ description: 'The JSON Schema keyword that the value violates' }),
          }),
          { maxItems: MAX_FIELD_ERRORS, description: 'Every mistake in the path, body, query and headers' },
        ),
      ),
    },
    { description: 'RFC 9457 problem details' },
  )

/** Returns a route's schema with its operation id, its guard, examples, and every problem that it can respond with. */
function documented(
  schema: FastifySchema,
  url: string,
  route: RouteOptions,
  catalogue: Catalogue,
): FastifySchema {
  const entries = [...errorCodesOf(route)].flatMap(code => catalogue.find(code) ?? [])
  const byStatus = Map.groupBy(entries, entry => entry.status)
  const problems = [...byStatus].map(([status, same]) => [status, problemResponse(status, same, url)])
  const responses = Object.entries((schema?.response ?? {}) as Record<string, object>)
  return {
    operationId: route.handler.name,
    ...schema,
    ...(schema?.body !== undefined && { body: withExample(schema.body as object) }),
    response: {
      ...Object.fromEntries(
        responses.map(([status, response]) => [status, withDescription(status, response)]),
      ),
      ...Object.fromEntries(problems),
    },
    // For programs: a security scheme cannot say that a route is for the owner or for admins only.
    'x-guard': route.config?.guard ?? { requires: 'nothing' },
  } as FastifySchema
}

function withExample(schema: object): object {
  const example = exampleOf(schema)
  return example === undefined ? schema : { ...schema, examples: [example] }
}

function withDescription(status: string, response: object): object {
  return { 'x-response-description': STATUS_CODES[status], ...withExample(response) }
}

function errorCodesOf({ schema, config, method }: RouteOptions): Set<ErrorCode> {
  const guard = config?.guard
  const isRead = method === 'GET' || method === 'HEAD'
  const hasInput =
    schema?.body !== undefined || schema?.querystring !== undefined || schema?.params !== undefined
  const isSignedIn = needsAccessToken(guard)
  const codes: (ErrorCode | false | undefined)[] = [
    'BAD_REQUEST',
    hasInput && 'VALIDATION_FAILED',
    isSignedIn && 'UNAUTHORIZED',
    isSignedIn && guard?.requires !== 'user' && (guard?.isHidden ? 'NOT_FOUND' : 'FORBIDDEN'),
    'REQUEST_TIMEOUT',
    !isRead && 'PAYLOAD_TOO_LARGE',
    !isRead && 'UNSUPPORTED_MEDIA_TYPE',
    'URI_TOO_LONG',
    config?.rateLimit !== false && 'TOO_MANY_REQUESTS',
    config?.rateLimit !== false && 'OVERLOADED',
    'HEADERS_TOO_LARGE',
    'INTERNAL_ERROR',
    (isSignedIn || !isRead) && 'DATABASE_UNAVAILABLE',
    ...(config?.errorCodes ?? []),
  ]
  return new Set(codes.filter(code => typeof code === 'string'))
}

/** The headers of every problem with a status. */
const HEADERS: Record<number, object> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'The authentication scheme: Bearer' } },
  429: { 'Retry-After': { type: 'integer', description: 'Seconds until the rate limit allows a request' } },
  503: { 'Retry-After': { type: 'integer', description: 'Seconds to wait before a retry' } },
}

function problemResponse(status: number, entries: CatalogueEntry[], url: string) {
  const examples = entries.map(entry => [
    entry.code,
    { summary: entry.title, value: problemExample(entry, url) },
  ])
  return {
    description: entries.map(({ code, title }) => `\`${code}\`: ${title}`).join('\n\n'),
    ...(HEADERS[status] && { headers: HEADERS[status] }),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

function problemExample(entry: CatalogueEntry, url: string) {
  const instance = url.replace(/\{id\}|:id/, '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b')
  return {
    ...describeProblem(entry, { instance, requestId: '4bf92f3577b34da6a3ce929d0e0e4736' }),
    ...(entry.code === 'VALIDATION_FAILED' && {
      errors: [
        { path: '/body/email', message: 'must NOT have more than 254 characters', keyword: 'maxLength' },
        { path: '/body/displayName', message: 'is required', keyword: 'required' },
      ],
    }),
  }
}

const describeApi = ({
  entries,
}: Catalogue) => `Register, log in, and send the access token as \`Authorization: Bearer …\`. Tokens are short-lived:
exchange the refresh token, which can be used once, at \`POST /api/v1/auth/refresh\`.

Requests and responses are JSON. Instants are ISO 8601 in UTC. Bodies are strict: unknown keys are refused, and no value
is converted to another type. Bodies are I-JSON (RFC 7493), at most 32 levels deep: a name that appears twice in an
object, a number past 2^53 and text with U+0000 or a lone surrogate are refused. Accepted text is returned unchanged.
Lists take \`limit\` and \`cursor\`, and return \`items\` and \`nextCursor\`, which is null on the last page.

Every error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem. Its \`code\` is one of these:

| code | meaning |
|---|---|
${entries.map(({ code, status, title }) => `| \`${code}\` | ${status} – ${title} |`).join('\n')}
`
