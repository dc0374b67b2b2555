/** Whole responses that a stranger could tell apart, and those that no one could. */
import { describe, expect, it } from 'vitest'
import { comparable, differenceOf, valuesOf } from '../security/comparable.ts'

const body = (id: string, email: string) =>
  JSON.stringify({ id, email, createdAt: '2026-01-31T12:00:00.000Z', requestId: 'report-1' })
const response = { status: 200, headers: { 'content-length': '10', date: 'today' }, text: '{}' }

describe('comparable', () => {
  it('is equal where only ids, times, addresses and the date differ', () => {
    const first = {
      ...response,
      text: body('0b0c9a43-9a5c-4f6e-8f5e-0123456789ab', 'a@example.com'),
      headers: { date: 'yesterday' },
    }
    const second = {
      ...response,
      text: body('1b0c9a43-9a5c-4f6e-8f5e-0123456789ab', 'b@example.com'),
      headers: { date: 'today' },
    }
    expect(comparable(first, ['a@example.com'])).toBe(comparable(second, ['b@example.com']))
  })

  it.each([
    ['the status', { ...response, status: 201 }],
    ['content-length', { ...response, headers: { 'content-length': '11' } }],
    ['x-attempts', { ...response, headers: { ...response.headers, 'x-attempts': '3' } }],
    ['the body', { ...response, text: '{"a":1}' }],
  ])('differs by %s', (difference, other) => {
    expect(differenceOf(comparable(response), comparable(other))).toBe(difference)
  })

  it('differs by the version of an id', () => {
    const first = { ...response, text: '"0b0c9a43-9a5c-4f6e-8f5e-0123456789ab"' }
    const second = { ...response, text: '"0b0c9a43-9a5c-7f6e-8f5e-0123456789ab"' }
    expect(differenceOf(comparable(first), comparable(second))).toBe('the body')
  })

  it('ignores the value of a rate-limit counter, and not its name', () => {
    const first = { ...response, headers: { 'x-ratelimit-remaining': '3' } }
    const second = { ...response, headers: { 'x-ratelimit-remaining': '2' } }
    expect(comparable(first)).toBe(comparable(second))
    expect(differenceOf(comparable(first), comparable({ ...response, headers: {} }))).toBe(
      'x-ratelimit-remaining',
    )
  })
})

describe('valuesOf', () => {
  it('finds the ids and times that two responses must not share', () => {
    const text = body('0b0c9a43-9a5c-4f6e-8f5e-0123456789ab', 'a@example.com')
    expect(valuesOf({ text })).toEqual(['0b0c9a43-9a5c-4f6e-8f5e-0123456789ab', '2026-01-31T12:00:00.000Z'])
  })
})
