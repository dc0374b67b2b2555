/** Finds words in a text that the house style replaces with ordinary ones. */
import { RULES } from './words.ts'

export type Finding = { line: number; word: string; instead: string }

/** Returns where a text has one of the words, in the order of its lines. */
export function findWords(text: string): Finding[] {
  const rules = RULES.filter(({ unless }) => unless === undefined || !unless.test(text))
  return text
    .split('\n')
    .flatMap((content, index) =>
      rules.flatMap(({ pattern, instead }) =>
        [...content.matchAll(pattern)].map(([word]) => ({ line: index + 1, word, instead })),
      ),
    )
}
