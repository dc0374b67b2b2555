/** The text that a person at a terminal sees of an error. */
import { expect, it } from 'vitest'
import { explain, UserFacingError } from '../../src/lib/user-facing-error.ts'

it('is the message of a user-facing error', () => {
  expect(explain(new UserFacingError('Choose another port.', { cause: new Error('EADDRINUSE') }))).toBe(
    'Choose another port.',
  )
})

it('is the stack of an unexpected error', () => {
  const error = new TypeError('x is not a function')
  expect(explain(error)).toBe(error.stack)
  expect(explain(Object.assign(new Error('no stack'), { stack: undefined }))).toBe('no stack')
  expect(explain('a string')).toBe('a string')
})
