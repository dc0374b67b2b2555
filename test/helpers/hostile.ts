/** Generates requests that nobody should send, for any operation of an OpenAPI document. */
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { bodyOf, fillPath, type Operation, type Schema } from './openapi.ts'

export type HostileRequest = Required<Pick<InjectOptions, 'method' | 'url'>> & {
  headers: Record<string, string>
  payload?: string | Buffer
}

/** What is real, among all that is not: access tokens, and values by the name of a parameter or property. */
export type Known = { tokens: string[]; values: Record<string, string[]> & { id: string[] } }

const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE users; --",
  '1); SELECT pg_sleep(10); --',
  '{{7*7}}<%= 7*7 %>#{7*7}',
  '$(id)`id`|id;id',
  '<script>alert(1)</script>',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  'file:///etc/passwd',
  '%s%n%x%d',
  '\r\nX-Injected: 1',
  '*)(uid=*))(|(uid=*',
]

const BAD_TEXT = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\ufeff',
  '\u202e',
  '\ufffd',
  '\u2028',
  '👩‍👩‍👧',
  'ﬁ',
  'İ',
  'ß',
  '\x7f',
  '\x1b[31m',
]

const BAD_IDS = [
  '00000000-0000-0000-0000-000000000000',
  'urn:uuid:0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b',
  '{0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b}',
  '0197a1b29d3c4e4f8a5b6c7d8e9f0a1b',
  '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1g',
  '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b ',
  '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b/..',
  '-1',
  '1e308',
  'NaN',
  'null',
  'undefined',
  '__proto__',
  'constructor',
]

const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1.5',
  '101',
  '1e2',
  '0x10',
  'NaN',
  'Infinity',
  '9007199254740993',
  '1e400',
  '٣',
  ' 5',
  '5 ',
  '+5',
  '1_000',
  '',
]

/** Past every maximum of a schema; the longest, once escaped, are past the limit of a URL, which hides all the rest. */
const longText = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 100, max: 300 }) },
    { weight: 1, arbitrary: fc.constant(3000) },
  )
  .map(length => 'ä'.repeat(length))

/** Text: the known bad, the injected, the long, and any UTF-16 there is. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...BAD_TEXT, ...INJECTIONS) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 5 })
      .map(units => String.fromCharCode(...units)),
  },
  { weight: 1, arbitrary: longText },
)

const key = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'role',
    'id',
    'ownerId',
    'isAdmin',
    '',
  ),
  text,
)

/** Any JSON, as its text: also what JSON.stringify would not write. */
const anyJson: fc.Arbitrary<string> = fc.oneof(
  text.map(value => JSON.stringify(value)),
  fc.constantFrom('null', 'true', 'false', '[]', '{}', '0', '-1', '1.5', '1e400', '9007199254740993', '-0'),
  fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value)),
  fc.constantFrom(
    '{"__proto__":{"role":"admin"}}',
    '{"constructor":{"prototype":{"role":"admin"}}}',
    '{"a":1,"a":2}',
    '["x"]',
    '{"$ne":null}',
  ),
  fc.integer({ min: 30, max: 5000 }).map(depth => '['.repeat(depth) + ']'.repeat(depth)),
)

/** What is no JSON, or not in UTF-8, or not quite an object. */
const brokenBody: fc.Arbitrary<string | Buffer> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '{',
    '}',
    '{"a":}',
    "{'a':1}",
    '{"a":1,}',
    'undefined',
    'NaN',
    '<a/>',
    'a=1&b=2',
    '{"a":01}',
    '{}{}',
    '\0',
    '"\u0001"',
  ),
  text,
  anyJson,
  fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
  fc.constantFrom(
    Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
    Buffer.from('{}', 'utf16le'),
    Buffer.from([0x22, 0xc0, 0x80, 0x22]),
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
  ),
  fc.integer({ min: 65_000, max: 80_000 }).map(length => `{"a":"${'a'.repeat(length)}"}`),
)

type Members = (readonly [name: string, json: string])[]

/** The members of a valid body, as JSON: the schema's example, with the values that are real where there are some. */
function validMembers({ example }: { example?: unknown }, { values }: Known): fc.Arbitrary<Members> {
  const members = Object.entries((example ?? {}) as object).map(([name, value]) =>
    fc.constantFrom(...(values[name] ?? [value])).map(chosen => [name, JSON.stringify(chosen)] as const),
  )
  return fc.tuple(...members)
}

function write(members: Members): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

/** A body that fits the schema but in one or two places. */
function spoiltBody(valid: fc.Arbitrary<Members>): fc.Arbitrary<string> {
  const at = fc.nat({ max: 99 })
  const replaced = fc
    .tuple(valid, at, anyJson)
    .map(([members, i, json]) =>
      members.map((member, j) => (j === i % members.length ? ([member[0], json] as const) : member)),
    )
  const added = fc
    .tuple(valid, key, anyJson)
    .map(([members, name, json]) => [...members, [name, json] as const])
  const removed = fc
    .tuple(valid, at)
    .map(([members, i]) => members.filter((_, j) => j !== i % members.length))
  const doubled = fc
    .tuple(valid, at)
    .map(([members, i]) => [...members, ...members.slice(i % members.length)])
  return fc
    .oneof(
      { weight: 8, arbitrary: replaced },
      { weight: 4, arbitrary: added },
      { weight: 1, arbitrary: removed },
      { weight: 1, arbitrary: doubled },
    )
    .map(write)
}

/** Rare: a valid body may cost a password hash. */
function body(operation: Operation, known: Known): fc.Arbitrary<string | Buffer | undefined> {
  const media = bodyOf(operation)
  if (operation.method === 'GET') return fc.constant(undefined)
  if (!media) return fc.option(brokenBody, { nil: undefined, freq: 4 })
  const valid = validMembers(media, known)
  return fc.oneof(
    { weight: 24, arbitrary: spoiltBody(valid) },
    { weight: 8, arbitrary: brokenBody },
    { weight: 2, arbitrary: valid.map(write) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
}

/** Percent-encoded as a client would, or as no client should. */
const escaped = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .oneof(text, fc.constantFrom(...BAD_IDS, ...NUMBERS))
      .map(value => encodeURIComponent(value.toWellFormed())),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '%00',
      '%ff',
      '%',
      '%zz',
      '%c0%af',
      '%ed%a0%80',
      '%u0041',
      '%2e%2e%2f',
      '%252e',
      'a%0d%0aX:1',
    ),
  },
)

function query({ parameters = [] }: Operation): fc.Arbitrary<string> {
  const known = parameters.filter(parameter => parameter.in === 'query')
  const names = fc.oneof(
    ...(known.length > 0 ? [fc.constantFrom(...known.map(({ name }) => name))] : []),
    key.map(name => encodeURIComponent(name.toWellFormed())),
  )
  const fitting = known.map(({ name, schema }) =>
    fc.constantFrom(...choicesOf(schema)).map(value => [name, value] as const),
  )
  const pair = fc.oneof(fc.tuple(names, escaped), ...fitting, ...fitting)
  return fc
    .array(pair, { maxLength: 4 })
    .map(pairs => pairs.map(([name, value]) => `${name}=${value}`).join('&'))
}

/** Values that a parameter's schema accepts, and for cursors some that only look so. */
function choicesOf({ type, anyOf, enum: values, minimum, maximum }: Schema): string[] {
  if (Array.isArray(anyOf)) return (anyOf as Schema[]).flatMap(choicesOf)
  if (Array.isArray(values)) return values.map(String)
  if (type === 'integer') return [String(minimum ?? 1), String(maximum ?? 1)]
  return type === 'boolean' ? ['true', 'false'] : CURSORS
}

const CURSORS = ['AAAA', '-', '_'.repeat(601)].concat(
  ['createdAt', '-createdAt', 'email', '-email'].flatMap(sort =>
    [
      '',
      'x',
      '\0',
      '\ud800',
      '2026-01-01',
      '-000001-01-01T00:00:00.000Z',
      '0000-01-01T00:00:00.000Z',
      '+275760-09-13T00:00:00.000Z',
      '9999-99-99',
      'foo 1',
      'infinity',
      'now',
    ].flatMap(value =>
      [sort, value, '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'].flatMap((_, i, parts) =>
        i === 0 ? Buffer.from(JSON.stringify(parts)).toString('base64url') : [],
      ),
    ),
  ),
  ['[]', 'null', '{}', '[1,2,3]', '["-createdAt","2026-01-01","no id"]', '["a","b"]'].map(json =>
    Buffer.from(json).toString('base64url'),
  ),
)

/** Characters that Node's parser lets into a header: tabs, visible ASCII and Latin-1. */
const headerText = fc
  .array(
    fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(9)),
    { maxLength: 60 },
  )
  .map(codes => String.fromCharCode(...codes).trim())

const CONTENT_TYPES = [
  '',
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
  'application/json;',
  'application/json; charset=',
  'APPLICATION/JSON',
  'application/jsonp',
  'application/vnd.api+json',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'application/x-www-form-urlencoded',
  '/',
  ';',
  'a/b/c',
  'application/json, text/plain',
  '*/*',
]

function contentType(): fc.Arbitrary<string | undefined> {
  return fc.oneof(
    { weight: 14, arbitrary: fc.constant('application/json') },
    { weight: 2, arbitrary: fc.constantFrom(...CONTENT_TYPES) },
    { weight: 1, arbitrary: fc.oneof(headerText, fc.constant(undefined)) },
  )
}

function authorization({ tokens }: Known): fc.Arbitrary<string | undefined> {
  const valid = fc.constantFrom(...tokens)
  const broken = fc.oneof(
    fc.tuple(valid, fc.nat()).map(([token, at]) => token.slice(0, at % token.length)),
    fc.tuple(valid, headerText).map(([token, tail]) => token + tail),
    headerText,
    fc.constantFrom(
      '',
      '.',
      '..',
      '...',
      'null',
      'e30.e30.',
      'eyJhbGciOiJub25lIn0.e30.',
      'eyJhbGciOiJIUzI1NiJ9.bnVsbA.AAAA',
      'eyJhbGciOiJSUzI1NiIsImtpZCI6Il9fcHJvdG9fXyJ9.e30.AAAA',
    ),
  )
  return fc.oneof(
    { weight: 12, arbitrary: valid.map(token => `Bearer ${token}`) },
    { weight: 3, arbitrary: broken.map(token => `Bearer ${token}`) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        headerText,
        fc.constantFrom('Basic Og==', 'Bearer', 'bearer', 'Bearer  ', 'Digest'),
      ),
    },
    { weight: 2, arbitrary: fc.constant(undefined) },
  )
}

const OTHER_HEADERS = [
  'cookie',
  'x-request-id',
  'traceparent',
  'tracestate',
  'origin',
  'x-forwarded-for',
  'user-agent',
  'accept',
  'range',
  'if-none-match',
  'x-csrf-token',
  'x-http-method-override',
  'forwarded',
  'accept-version',
  'content-encoding',
  'expect',
  'te',
]

const otherHeaders = fc.dictionary(
  fc.constantFrom(...OTHER_HEADERS),
  fc.oneof(
    headerText,
    fc.constantFrom(
      '__Secure-refresh=x',
      '__Secure-refresh=%ff; __Host-csrf=%',
      '__proto__=1',
      '00-00000000000000000000000000000000-0000000000000000-ff',
      'null',
      '999.999.999.999',
      '::1',
      'gzip',
      '*',
      'bytes=0-0',
    ),
  ),
  { maxKeys: 3 },
)

/** One hostile request to an operation. A few of them are valid: what answers 2xx has to be proved as well. */
export function hostileRequest(operation: Operation, known: Known): fc.Arbitrary<HostileRequest> {
  const ids = known.values.id
  const id = fc.oneof(
    fc.constantFrom(...ids, ...ids.map(value => value.toUpperCase())),
    escaped.filter(value => !/^(%2e|\.)+$/i.test(value)),
  )
  return fc
    .record({
      id,
      query: query(operation),
      payload: body(operation, known),
      type: contentType(),
      authorization: authorization(known),
      others: otherHeaders,
    })
    .map(({ id, query, payload, type, authorization, others }) => ({
      method: operation.method,
      url: `${fillPath(operation, id)}${query && `?${query}`}`,
      headers: {
        ...others,
        ...(authorization !== undefined && { authorization }),
        ...(payload !== undefined && type !== undefined && { 'content-type': type }),
      },
      ...(payload !== undefined && { payload }),
    }))
}
