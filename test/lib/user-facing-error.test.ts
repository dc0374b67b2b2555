/** What a person at a terminal is told of an error. */
import { expect, it } from 'vitest'
import { explain, UserFacingError } from '../../src/lib/user-facing-error.ts'

it('is the message alone, where it was written for them', () => {
  expect(explain(new UserFacingError('Choose another port.', { cause: new Error('EADDRINUSE') }))).toBe(
    'Choose another port.',
  )
})

it('is all that is known, where nobody foresaw it', () => {
  const error = new TypeError('x is not a function')
  expect(explain(error)).toBe(error.stack)
  expect(explain(Object.assign(new Error('no stack'), { stack: undefined }))).toBe('no stack')
  expect(explain('a string')).toBe('a string')
})
