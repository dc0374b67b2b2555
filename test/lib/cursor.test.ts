/** Cursors: they keep their position, and no other text is accepted. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor, instantOf, pageOf } from '../../src/lib/cursor.ts'

const ID = '0197a1b2-9d3c-4e4f-8a5b-6c7d8e9f0a1b'
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a cursor', () => {
  it('keeps its position, for its own sort order alone, in characters that a URL allows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uuid(), fc.string(), (key, id, sort) => {
        const cursor = encodeCursor({ sort, key, id })
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeCursor(cursor, sort)).toEqual({ sort, key, id })
        expect(decodeCursor(cursor, `${sort}x`)).toBeUndefined()
      }),
    )
  })

  it('is no text that a client invented', () => {
    const madeUp = [
      '',
      'garbage',
      'AAAA',
      encode(null),
      encode(1),
      encode('text'),
      encode({}),
      encode({ length: 3, 0: 'email', 1: 'a', 2: ID }),
      encode([]),
      encode(['email', 'a']),
      encode(['email', 'a', ID, 'more']),
      encode(['email', 1, ID]),
      encode(['email', null, ID]),
      encode(['email', ['a'], ID]),
      encode(['email', 'a', 'not an id']),
      encode(['email', 'a', ID.toUpperCase()]),
      encode(['email', 'a', `${ID}'; drop table users`]),
      encode(['email', 'a', `urn:uuid:${ID}`]),
    ]
    for (const cursor of madeUp) expect(decodeCursor(cursor, 'email'), cursor).toBeUndefined()
    fc.assert(fc.property(fc.string(), text => decodeCursor(text, 'email') === undefined))
  })
})

describe('an instant of a cursor', () => {
  it('is read back to the millisecond', () => {
    const dates = fc.date({
      min: new Date(0),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    })
    fc.assert(fc.property(dates, date => instantOf(date.toISOString())?.getTime() === date.getTime()))
  })

  it('is no other form of a date', () => {
    const others = [
      '',
      '0',
      '1',
      '2026',
      '2026-01-31',
      '2026-01-31T12:00:00Z',
      '2026-01-31T12:00:00.000+00:00',
      '2026-02-30T12:00:00.000Z',
      'Sat Jan 31 2026',
      'now',
      'infinity',
      '+010000-01-01T00:00:00.000Z',
      '-000001-01-01T00:00:00.000Z',
      '+275760-09-13T00:00:00.000Z',
    ]
    for (const text of others) expect(instantOf(text), text).toBeUndefined()
  })
})

describe('a page', () => {
  const rows = ['a', 'b', 'c'].map(key => ({ id: ID, key }))
  const page = (limit: number) => pageOf(rows, limit, 'key', row => row.key)

  it('has a cursor of its last row where the query found one row more, else none', () => {
    const { items, nextCursor } = page(2)
    expect(items).toEqual(rows.slice(0, 2))
    expect(decodeCursor(nextCursor ?? '', 'key')).toEqual({ sort: 'key', key: 'b', id: ID })
    expect(page(3)).toEqual({ items: rows, nextCursor: null })
    expect(pageOf([], 3, 'key', () => '')).toEqual({ items: [], nextCursor: null })
  })
})
