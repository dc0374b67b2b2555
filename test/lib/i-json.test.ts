/** I-JSON: everything that it forbids is found at any place, and nothing else is. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findFault } from '../../src/lib/i-json.ts'

const MAX_DEPTH = 32

describe('P27: I-JSON', () => {
  it('is the output of JSON.stringify for well-formed values, with any spaces', () => {
    const text = fc.string({ unit: 'binary' }).filter(value => value.isWellFormed() && !value.includes('\0'))
    const value = fc.letrec(tie => ({
      any: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.boolean(),
        fc.constant(null),
        fc.maxSafeInteger(),
        fc.float({ min: -1000, max: 1000, noNaN: true }),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(text, tie('any'), { maxKeys: 4 }),
      ),
    })).any
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, '\t', '\r\n '), (json, space) => {
        expect(findFault(JSON.stringify(json, null, space as string), MAX_DEPTH)).toBeUndefined()
      }),
      { numRuns: 1000, seed: 1 },
    )
  })

  it.each([
    ['{"a":1,"a":2}', /same name twice/],
    ['{"a":1, "\\u0061" : 2}', /same name twice/],
    ['[{"x":{"b":[],"c":{},"b":null}}]', /same name twice/],
    ['{"":1,"":2}', /same name twice/],
    ['{"a\\"":1,"a\\"":2}', /same name twice/],
    ['"\\ud800"', /cannot be stored/],
    ['{"\\udc00":1}', /cannot be stored/],
    ['["\\u0000"]', /cannot be stored/],
    ['9007199254740992', /2\^53/],
    ['[-9007199254740993]', /2\^53/],
    ['{"a":1e16}', /2\^53/],
    ['1e400', /2\^53/],
    ['['.repeat(33) + ']'.repeat(33), /deeper than 32/],
    ['{"a":'.repeat(50_000) + 1 + '}'.repeat(50_000), /deeper than 32/],
  ])('is not %.40s', (text, fault) => {
    expect(() => JSON.parse(text)).not.toThrow()
    expect(findFault(text, MAX_DEPTH)).toMatch(fault)
  })

  it.each([
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":1}}}',
    '{"a":"a","b":"a"}',
    '["a","a"]',
    '"{\\"a\\":1,\\"a\\":2}"',
    '"\\\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\\\u0000"',
    '9007199254740991',
    '1.5e3',
    '['.repeat(32) + ']'.repeat(32),
  ])('is %.40s', text => expect(findFault(text, MAX_DEPTH)).toBeUndefined())

  it('is checked in linear time, for any text', () => {
    const texts = [
      `"${'a'.repeat(1e6)}"`,
      `"${'\\\\'.repeat(5e5)}"`,
      `[${'1,'.repeat(3e5)}1]`,
      `"${'\\u0061'.repeat(2e5)}"`,
    ]
    // A regular expression that backtracks would take hours.
    for (const text of texts) expect(findFault(text, MAX_DEPTH)).toBeUndefined()
  })
})
