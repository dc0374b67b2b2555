/** The check of words: which it finds, and where. */
import { expect, it } from 'vitest'
import { findWords } from '../language/find.ts'

it('finds each word of the list, in any case, with its line', () => {
  const words = ['Whoever', 'whatever', 'Nobody', 'somebody', 'alike', 'all the same', 'once more']
  const others = ['as far as it goes', 'made up', 'hangs on', 'tells', 'fare', 'fits', 'that which']
  const text = [...words, ...others].join('\n')
  expect(findWords(text).map(({ word, line }) => `${line} ${word}`)).toEqual(
    [...words, ...others].map((word, index) => `${index + 1} ${word}`),
  )
})

it('finds a word as often as a line has it', () => {
  expect(findWords('nobody and nobody')).toHaveLength(2)
})

it('leaves words alone that only contain one of the list', () => {
  expect(findWords('profit, farewell, benefits, fitted, likewise, a fan-out once, moreover')).toEqual([])
})

it('leaves a curve that is fitted to points alone', () => {
  expect(findWords('the fit of the Universal Scalability Law')).toEqual([])
})
