/** The OpenAPI 3.1 document, made from the routes, and the page that shows it, without a CDN. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import apiReference from '@scalar/fastify-api-reference'
import { type TSchema, Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { type CatalogueEntry, catalogue, findEntry } from '../errors.ts'
import { exampleOf } from '../lib/schema-example.ts'
import { describeProblem } from './error-handler.ts'
import { helmetHeaders } from './security-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Codes of the catalogue that the route itself answers, beyond those that follow from its schema and guard. */
    problems?: string[]
  }
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const ProblemSchema = Type.Object(
  {
    type: Type.String({ format: 'uri' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String({ description: 'Path of the request' }),
    code: Type.String({ enum: catalogue.map(entry => entry.code), description: 'Stable, for programs' }),
    requestId: Type.String({ description: 'As in the X-Request-Id header and in the log' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String({ description: 'JSON pointer' }), message: Type.String() })),
    ),
  },
  { description: 'RFC 9457 problem details' },
)

export const openapi = fp(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Plumbline', version, description: describeErrors() },
        servers: [{ url: '/' }],
        components: { securitySchemes: SECURITY_SCHEMES, schemas: { Problem: ProblemSchema as object } },
      },
      transform: ({ schema, url, route }) => ({ schema: documented(schema, route), url }),
    })
    app.get('/openapi.json', { schema: { hide: true } }, async function getOpenApi() {
      return app.swagger()
    })
    await app.register(docsPage)
  },
  { name: 'openapi', dependencies: ['security-headers'] },
)

const SECURITY_SCHEMES = {
  accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  refreshCookie: { type: 'apiKey', in: 'cookie', name: '__Secure-refresh' },
  csrfToken: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token' },
  metricsToken: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN of the service' },
} as const

/** A route's schema with its name, its guard, examples, and every problem that it can answer. */
function documented(schema: FastifySchema, route: RouteOptions): FastifySchema {
  const entries = [...problemCodes(route)].flatMap(code => findEntry(code) ?? [])
  const byStatus = Map.groupBy(entries, entry => entry.status)
  const problems = Object.fromEntries(
    [...byStatus].map(([status, same]) => [status, problemResponse(status, same)]),
  )
  const answers = Object.entries((schema?.response ?? {}) as Record<string, TSchema>)
  return {
    operationId: route.handler.name,
    ...schema,
    'x-guard': route.config?.guard ?? 'none',
    ...(schema?.body !== undefined && { body: withExample(schema.body as TSchema) }),
    response: { ...Object.fromEntries(answers.map(describeAnswer)), ...problems },
  } as FastifySchema
}

function describeAnswer([status, schema]: [string, TSchema]): [string, TSchema] {
  const description = schema.description ?? STATUS_CODES[status]
  return [status, { ...withExample(schema), 'x-response-description': description }]
}

function withExample(schema: TSchema): TSchema {
  const hasNone = schema.type === 'null' || schema.content !== undefined
  return hasNone ? schema : { ...schema, examples: [exampleOf(schema)] }
}

function problemCodes({ schema, config, method }: RouteOptions): Set<string> {
  const isRead = method === 'GET' || method === 'HEAD'
  const hasInput =
    schema?.body !== undefined || schema?.querystring !== undefined || schema?.params !== undefined
  const isSignedIn = config?.guard?.startsWith('JWT') ?? false
  return new Set([
    'BAD_REQUEST',
    ...(hasInput ? ['VALIDATION_FAILED'] : []),
    ...(isSignedIn ? ['UNAUTHORIZED'] : []),
    ...(config?.guard?.startsWith('JWT + ') ? ['FORBIDDEN'] : []),
    'REQUEST_TIMEOUT',
    ...(isRead ? [] : ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']),
    'URI_TOO_LONG',
    ...(config?.limited === false ? [] : ['TOO_MANY_REQUESTS', 'OVERLOADED']),
    'HEADERS_TOO_LARGE',
    'INTERNAL_ERROR',
    ...(isSignedIn || !isRead ? ['DATABASE_UNAVAILABLE'] : []),
    ...(config?.problems ?? []),
  ])
}

/** What comes with every answer of a status, besides the problem. */
const HEADERS: Record<number, object> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'The scheme to authenticate with: Bearer' } },
  429: { 'Retry-After': { type: 'string', description: 'Seconds after which a request may be let through' } },
  503: { 'Retry-After': { type: 'string', description: 'Seconds after which it is worth another try' } },
}

function problemResponse(status: number, entries: CatalogueEntry[]) {
  const request = { instance: '/api/v1/users/me', requestId: '4bf92f3577b34da6a3ce929d0e0e4736' }
  const examples = entries.map(entry => [
    entry.code,
    { summary: entry.title, value: describeProblem(entry, request) },
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

function describeErrors(): string {
  const rows = catalogue.map(({ code, status, title }) => `| \`${code}\` | ${status} | ${title} |`)
  return `Every error is RFC 9457 problem details. Its \`code\` is one of these:\n\n| code | status | title |\n|---|---|---|\n${rows.join('\n')}\n`
}

const DOCS_OPTIONS = {
  routePrefix: '/docs',
  configuration: { url: '/openapi.json', withDefaultFonts: false, telemetry: false },
} as const

/** The page at /docs. Its scripts come from this service, and its one inline script is allowed by its hash. */
async function docsPage(scope: FastifyInstance): Promise<void> {
  const policy = docsPolicy(inlineScriptHashes(await renderDocsPage()))
  // Of the headers that every answer has, these two alone differ.
  const { 'content-security-policy': contentSecurityPolicy } = await helmetHeaders(policy)
  scope.addHook('onRequest', function setDocsHeaders(_request, reply, done) {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'cache-control': 'public, max-age=300',
    })
    done()
  })
  await scope.register(apiReference, DOCS_OPTIONS)
}

async function renderDocsPage(): Promise<string> {
  const probe = Fastify()
  await probe.register(apiReference, DOCS_OPTIONS)
  const { body } = await probe.inject('/docs/')
  await probe.close()
  return body
}

function docsPolicy(scriptHashes: string[]) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'", ...scriptHashes],
        // The page's components set style elements and attributes themselves.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    },
  }
}

function inlineScriptHashes(html: string): string[] {
  const scripts = html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)
  return [...scripts].map(([, code = '']) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`)
}
