/** Turns a valid request into requests that are wrong in one way each. */
import { exampleOf, type JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { ABSENT_ID, fillPath, hasBody, parametersOf, withQuery } from '../routes.ts'
import type { Kind, Outgoing } from './sample.ts'

export type Wrong = { kind: Kind; sent: string; request: Outgoing }

/** Returns the request with each part of its content wrong in turn. */
export function wrongRequests(route: ObservedRoute, honest: Outgoing): Wrong[] {
  return [
    ...wrongBodies(route, honest),
    ...wrongPaths(route, honest),
    ...wrongQueries(route, honest),
    ...wrongHeaders(honest),
  ]
}

const NESTING = 5000

function wrongBodies(route: ObservedRoute, honest: Outgoing): Wrong[] {
  if (!hasBody(route.method)) return []
  const wrong = (sent: string, body: unknown, headers?: Record<string, string>): Wrong => ({
    kind: 'body',
    sent,
    request: { ...honest, sent, body, ...(headers && { headers: { ...honest.headers, ...headers } }) },
  })
  const broken = wrong('broken JSON', '{"broken":')
  if (route.schemas.body === undefined) return [broken]
  const { properties = {}, required = [] } = route.schemas.body as JsonSchema
  const valid = (honest.body ?? exampleOf(route.schemas.body as JsonSchema)) as Record<string, unknown>
  const names = Object.keys(properties)
  const without = (name: string) => Object.fromEntries(Object.entries(valid).filter(([key]) => key !== name))
  return [
    broken,
    wrong('a list', []),
    wrong('null', 'null'),
    wrong('bytes that are not UTF-8 as a key', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
    ...textNames(properties).map(name =>
      wrong(`bytes that are not UTF-8 in ${name}`, withBrokenText(valid, name)),
    ),
    wrong('a body of 2 MiB', { ...valid, [names[0] ?? 'text']: 'x'.repeat(LARGE) }),
    wrong(`${NESTING} levels of nesting`, '['.repeat(NESTING) + ']'.repeat(NESTING)),
    wrong('a __proto__ key', `{"__proto__":{"role":"admin"},${JSON.stringify(valid).slice(1)}`),
    wrong('a constructor key', { ...valid, constructor: { prototype: { role: 'admin' } } }),
    wrong('an unknown field', { ...valid, reportUnknown: true }),
    wrong('a wrong type in every field', Object.fromEntries(names.map(name => [name, { nested: true }]))),
    ...required.map(name => wrong(`no ${name}`, without(name))),
    ...names.flatMap(name => [
      wrong(`an object as ${name}`, { ...valid, [name]: { nested: true } }),
      wrong(`a list as ${name}`, { ...valid, [name]: [valid[name] ?? 'text'] }),
      ...(acceptsNull(properties[name] ?? {}) ? [] : [wrong(`null as ${name}`, { ...valid, [name]: null })]),
      ...(isText(properties[name] ?? {})
        ? [wrong(`a NUL in ${name}`, { ...valid, [name]: 'a\u0000b' })]
        : []),
    ]),
    wrong('a form', 'a=1&b=2', { 'content-type': 'application/x-www-form-urlencoded' }),
    wrong('JSON as text/plain', JSON.stringify(valid), { 'content-type': 'text/plain' }),
  ]
}

/** More than any API of JSON needs in one request. */
const LARGE = 2 << 20

function textNames(properties: Record<string, JsonSchema>): string[] {
  return Object.keys(properties).filter(name => isText(properties[name] ?? {}))
}

/** Returns a body that is valid except for two bytes in the middle of one text. */
function withBrokenText(valid: Record<string, unknown>, name: string): Buffer {
  const mark = '\u0001'
  const [head = '', tail = ''] = JSON.stringify({
    ...valid,
    [name]: `${valid[name] ?? 'text'}${mark}`,
  }).split(JSON.stringify(mark).slice(1, -1))
  return Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0xfe]), Buffer.from(tail)])
}

/** Returns valid requests at the edges of what the schemas allow: other writing systems, the extremes of numbers, each choice. */
export function edgeRequests({ schemas, method }: ObservedRoute, honest: Outgoing): Wrong[] {
  const { properties = {} } = (schemas.querystring ?? {}) as JsonSchema
  const queries = Object.entries(properties).flatMap(([name, schema]) =>
    edgesOf(schema).map(value => `${name}=${encodeURIComponent(value)}`),
  )
  const inQuery = queries.map((query): Wrong => {
    const sent = `the query ${query}`
    return {
      kind: 'edge',
      sent,
      request: { ...honest, path: withQuery(honest.path, query), sent },
    }
  })
  if (!hasBody(method) || schemas.body === undefined) return inQuery
  const fields = (schemas.body as JsonSchema).properties ?? {}
  const inBody = textNames(fields)
    .filter(name => fields[name]?.format === undefined && fields[name]?.enum === undefined)
    .map((name): Wrong => {
      const sent = `other writing systems in ${name}`
      const text = '\u{1f600} e\u0301 \u05e9\u05dc\u05d5\u05dd \u6f22'
      return {
        kind: 'edge',
        sent,
        request: { ...honest, sent, body: { ...(honest.body as object), [name]: text } },
      }
    })
  return [...inQuery, ...inBody]
}

function edgesOf({
  type,
  enum: values,
  const: value,
  anyOf = [],
  minimum,
  maximum,
  maxLength,
  format,
}: JsonSchema): string[] {
  if (values ?? value) return (values ?? [value]).map(String)
  if (anyOf.length > 0) return anyOf.flatMap(edgesOf)
  if (type === 'boolean') return ['true', 'false']
  if (type === 'integer' || type === 'number')
    return [minimum, maximum].filter(edge => edge !== undefined).map(String)
  if (format === 'date-time') return ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']
  return format === undefined ? ['\u{1f600} e\u0301', '%', '_'.repeat(Math.min(maxLength ?? LONG, LONG))] : []
}

function acceptsNull({ type, anyOf = [], oneOf = [] }: JsonSchema): boolean {
  return [type].flat().includes('null') || [...anyOf, ...oneOf].some(acceptsNull)
}

function isText({ type }: JsonSchema): boolean {
  return type === 'string'
}

const LONG = 300

function wrongPaths(route: ObservedRoute, honest: Outgoing): Wrong[] {
  const values = [
    ['an id that no object has', ABSENT_ID],
    ['an id that is not one', 'not-an-id'],
    ['a NUL as id', '%00'],
    ['bytes that are not UTF-8 as id', '%ff%fe'],
    [`${LONG} characters as id`, 'x'.repeat(LONG)],
    ['a urn as id', `urn:uuid:${ABSENT_ID}`],
    ['a number past 2^53 as id', '9007199254740993'],
  ] as const
  return parametersOf(route).flatMap(name =>
    values.map(([sent, value]) => {
      const path = replaceSegment(route.url, honest.path, name, value)
      return { kind: 'path' as const, sent, request: { ...honest, path, sent } }
    }),
  )
}

/** Returns `path` with another value in the place of one parameter. */
export function replaceSegment(url: string, path: string, name: string, value: string): string {
  const [pathname = '', query] = path.split('?', 2)
  const segments = pathname.split('/')
  const index = url.split('/').findIndex(segment => segment.startsWith(`:${name}`))
  if (index === -1 || segments.length !== url.split('/').length) return fillPath(url, () => value)
  return `${segments.with(index, value).join('/')}${query === undefined ? '' : `?${query}`}`
}

function wrongQueries({ schemas }: ObservedRoute, honest: Outgoing): Wrong[] {
  const { properties = {} } = (schemas.querystring ?? {}) as JsonSchema
  const wrong = (sent: string, query: string): Wrong => ({
    kind: 'query',
    sent,
    request: { ...honest, path: withQuery(honest.path, query), sent },
  })
  return [
    wrong('an undeclared parameter', 'reportUnknown=1'),
    wrong('a query that is not UTF-8', 'a=%ff%fe&a=1'),
    ...Object.keys(properties).flatMap(name => [
      wrong(`${name} twice`, `${name}=1&${name}=2`),
      wrong(`an empty ${name}`, `${name}=`),
      wrong(`a negative number as ${name}`, `${name}=-1`),
      wrong(`a huge number as ${name}`, `${name}=99999999999999999999`),
      wrong(`a NUL as ${name}`, `${name}=%00`),
      wrong(`a long text as ${name}`, `${name}=${'x'.repeat(LONG)}`),
      wrong(`an object as ${name}`, `${name}[a]=1`),
    ]),
  ]
}

function wrongHeaders(honest: Outgoing): Wrong[] {
  const headers: Record<string, Record<string, string>> = {
    'Accept of a type that is not offered': { accept: 'application/xml' },
    'a method override': { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' },
    'another path in a header': { 'x-original-url': '/report/other', 'x-rewrite-url': '/report/other' },
    'a long cookie': {
      cookie: `${honest.headers?.cookie ? `${honest.headers.cookie}; ` : ''}report=${'x'.repeat(2000)}`,
    },
    'a range': { range: 'bytes=0-1' },
    conditions: { 'if-none-match': '*', 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
  }
  return Object.entries(headers).map(([sent, extra]) => ({
    kind: 'header',
    sent,
    request: { ...honest, headers: { ...honest.headers, ...extra }, sent },
  }))
}
