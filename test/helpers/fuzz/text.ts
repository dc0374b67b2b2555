/** Generates text that has caused errors in databases, parsers and web pages, and any other UTF-16 text. */
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

/** Text beyond the maxima of the schemas. The longest exceeds the limit of a URL once it is escaped, so it is rare. */
const longText = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 100, max: 300 }) },
    { weight: 1, arbitrary: fc.constant(3000) },
  )
  .map(length => 'ä'.repeat(length))

/** Any text: known problems, injections, long text and random UTF-16. */
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

/** Any name of a member or parameter. */
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
