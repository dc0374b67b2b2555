/** Generates headers: valid, damaged and missing credentials, content types, and other headers that servers read. */
import fc from 'fast-check'
import type { Known } from './known.ts'

/** Any text that Node's parser accepts in a header: tabs, printable ASCII and Latin-1. */
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

/** Generates the content type of a body, mostly JSON. */
export function contentType(): fc.Arbitrary<string | undefined> {
  return fc.oneof(
    { weight: 14, arbitrary: fc.constant('application/json') },
    { weight: 2, arbitrary: fc.constantFrom(...CONTENT_TYPES) },
    { weight: 1, arbitrary: fc.oneof(headerText, fc.constant(undefined)) },
  )
}

/** Generates the Authorization header, mostly with a valid token. */
export function authorization({ tokens }: Known): fc.Arbitrary<string | undefined> {
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

/** Generates the other headers. Sometimes the cookie is that of a live session. */
export function otherHeaders({ values }: Known): fc.Arbitrary<Record<string, string>> {
  const cookies = (values.refreshToken ?? []).map(token => ({ cookie: `__Host-refresh=${token}` }))
  const live = cookies.length > 0 ? fc.constantFrom(...cookies) : fc.constant({})
  return fc.oneof({ weight: 9, arbitrary: anyHeaders }, { weight: 1, arbitrary: live })
}

const anyHeaders: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom(...OTHER_HEADERS),
  fc.oneof(
    headerText,
    fc.constantFrom(
      '__Host-refresh=x',
      '__Host-refresh=%ff; __Host-refresh=%',
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
