/** Generates parts of a URL: path parameters and queries, with correct and with wrong escapes. */
import fc from 'fast-check'
import type { Operation, Schema } from '../openapi.ts'
import { key, text } from './text.ts'

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

/** Any percent-encoded text, with correct or with wrong escapes. */
export const escaped = fc.oneof(
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

/** Generates a query of documented and of other parameters. */
export function query({ parameters = [] }: Operation): fc.Arbitrary<string> {
  const known = parameters.filter(parameter => parameter.in === 'query')
  const names = fc.oneof(
    ...(known.length > 0 ? [fc.constantFrom(...known.map(({ name }) => name))] : []),
    key.map(name => encodeURIComponent(name.toWellFormed())),
  )
  const valid = known.map(({ name, schema }) =>
    fc.constantFrom(...choicesOf(schema)).map(value => [name, value] as const),
  )
  const pair = fc.oneof(fc.tuple(names, escaped), ...valid, ...valid)
  return fc
    .array(pair, { maxLength: 4 })
    .map(pairs => pairs.map(([name, value]) => `${name}=${value}`).join('&'))
}

/** Returns values that a parameter's schema accepts. For a cursor, they only look valid. */
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
