/** Generates bodies: valid ones with one mistake, any JSON, and text or bytes that are not JSON. */
import fc from 'fast-check'
import { bodyOf, type Operation } from '../openapi.ts'
import type { Known } from './known.ts'
import { key, text } from './text.ts'

/** Any JSON text, also forms that JSON.stringify does not write. */
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

/** Text and bytes that are not JSON, not UTF-8, or not an object. */
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

/** Generates the members of a valid body, as JSON: those of the schema's example, with existing values if there are any. */
function validMembers({ example }: { example?: unknown }, { values }: Known): fc.Arbitrary<Members> {
  const members = Object.entries((example ?? {}) as object).map(([name, value]) =>
    fc.constantFrom(...(values[name] ?? [value])).map(chosen => [name, JSON.stringify(chosen)] as const),
  )
  return fc.tuple(...members)
}

function write(members: Members): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

/** Generates a valid body in which a member is replaced, added, removed or repeated. */
function bodyWithMistake(valid: fc.Arbitrary<Members>): fc.Arbitrary<string> {
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

/** Generates the body of a request, or none. Valid bodies are rare, because they may cost a password hash. */
export function body(operation: Operation, known: Known): fc.Arbitrary<string | Buffer | undefined> {
  const media = bodyOf(operation)
  if (operation.method === 'GET') return fc.constant(undefined)
  if (!media) return fc.option(brokenBody, { nil: undefined, freq: 4 })
  const valid = validMembers(media, known)
  return fc.oneof(
    { weight: 24, arbitrary: bodyWithMistake(valid) },
    { weight: 8, arbitrary: brokenBody },
    { weight: 2, arbitrary: valid.map(write) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
}
