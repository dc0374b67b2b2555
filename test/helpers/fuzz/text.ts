/** Generates difficult text: known problems of databases, parsers and pages, and any UTF-16. */
import fc from 'fast-check'

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

/** Past every maximum of a schema; the longest, once escaped, are past the limit of a URL, which hides all the rest. */
const longText = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 100, max: 300 }) },
    { weight: 1, arbitrary: fc.constant(3000) },
  )
  .map(length => 'ä'.repeat(length))

/** Text: the known bad, the injected, the long, and any UTF-16 there is. */
export const text = fc.oneof(
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

/** Names of members and parameters. */
export const key = fc.oneof(
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
