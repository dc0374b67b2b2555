/** Names of services, modules and fields: what is valid, and the forms of each. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseFields } from '../fields.ts'
import { formsOf, problemWithName, problemWithTitle, quote, singularOf, snakeOf, titleOf } from '../names.ts'

const VALID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '../x',
    '/etc/passwd',
    'a/b',
    '.',
    '..',
    '-a',
    'a-',
    'a--b',
    'a b',
    'a\nb',
    '__proto__',
    '$(id)',
    "a'b",
  ),
  fc.stringMatching(/^[a-z]{31,80}$/),
  fc.stringMatching(/^[A-Z][a-z]{1,8}$/),
)

describe('the name of a service or a module', () => {
  it.each(['orders', 'orders-api', 'purchase-orders', 'x', 'a1', 'v2-orders'])('can be %s', name => {
    expect(problemWithName(name)).toBeUndefined()
  })

  it.each([
    'class',
    'new',
    'type',
    'await',
    'select',
    'user',
    'table',
    'order',
    'test',
    'modules',
    'con',
    '',
    'É',
    'größe',
  ])('cannot be %j', name => {
    expect(problemWithName(name)).toMatch(/^.+\.$/)
  })

  it('is refused in one plain line wherever it is not valid', () => {
    fc.assert(
      fc.property(hostile, name => {
        const problem = problemWithName(name)
        if (!VALID.test(name) || name.length > 30) expect(problem).toMatch(/^[\x20-\x7e…]+\.$/)
      }),
      { numRuns: 2000 },
    )
  })

  it('has a form for each place', () => {
    expect(formsOf('purchase-orders')).toEqual({
      kebab: 'purchase-orders',
      camel: 'purchaseOrders',
      pascal: 'PurchaseOrders',
      snake: 'purchase_orders',
      upper: 'PURCHASE_ORDERS',
      words: 'purchase orders',
    })
    expect(titleOf('orders-api')).toBe('Orders API')
  })

  it.each([
    ['notes', 'note'],
    ['companies', 'company'],
    ['boxes', 'box'],
    ['purchases', 'purchase'],
    ['addresses', 'address'],
    ['purchase-orders', 'purchase-order'],
    ['inventory', 'inventory-item'],
    ['classes', 'class-item'],
    ['status', 'status-item'],
    ['statuses', 'status'],
    ['buses', 'bus'],
    ['houses', 'house'],
    ['caches', 'cache'],
    ['movies', 'movie'],
    ['series', 'series-item'],
    ['as-is', 'as-is-item'],
    ['e-s', 'e-s-item'],
    ['s', 's-item'],
  ])('%s has one %s', (plural, singular) => {
    expect(singularOf(plural)).toBe(singular)
  })
})

describe('a title', () => {
  it.each(['Orders API', 'Größe 2', 'A.B+C-D'])('can be %s', title => {
    expect(problemWithTitle(title)).toBeUndefined()
  })

  it.each(['', ' x', "O'Neill", '`x`', '$(x)', '<b>', 'a\nb', 'x'.repeat(61), 'a: b', '"x"'])(
    'cannot be %j',
    title => {
      expect(problemWithTitle(title)).toMatch(/^[\x20-\x7e…]+$/)
    },
  )
})

describe('fields', () => {
  it('have a name, a type, and may allow null', () => {
    expect(parseFields('title:text,dueAt:timestamp?')).toEqual([
      { name: 'title', type: 'text', isNullable: false },
      { name: 'dueAt', type: 'timestamp', isNullable: true },
    ])
    expect(snakeOf('dueAt')).toBe('due_at')
  })

  it.each([
    ['title', 'not a valid field'],
    ['title:', 'not a valid field'],
    ['title:json', 'not a valid field'],
    ['title:text??', 'not a valid field'],
    ['title:text,', 'not a valid field'],
    ['Title:text', 'not a valid field'],
    ['due_at:text', 'not a valid field'],
    ['id:uuid', 'taken'],
    ['createdAt:timestamp', 'taken'],
    ['ownerID:uuid', 'taken'],
    ['createdAT:timestamp', 'taken'],
    ['limit:integer', 'taken'],
    ['class:text', 'reserved word'],
    ['user:text', 'keyword'],
    ['toString:text', 'every object'],
    ['a:text,a:integer', 'twice'],
    [`${'a'.repeat(31)}:text`, 'too long'],
    [Array.from({ length: 21 }, (_, index) => `f${index}:text`).join(), 'at most 20'],
  ])('cannot be %s', (text, reason) => {
    expect(() => parseFields(text)).toThrow(reason)
  })

  it('are refused in one plain line wherever they are not valid', () => {
    fc.assert(
      fc.property(hostile, text => {
        try {
          parseFields(text)
        } catch (error) {
          expect((error as Error).message).toMatch(/^[\x20-\x7e…]+\.$/)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

it('quotes what a terminal would act on', () => {
  expect(quote('\u001b[31mx\u202e')).toBe('"\\u001b[31mx\\u{202e}"')
})
