/** The list of modules: entries are added in the order of the formatter, and leave no trace. */
import { expect, it } from 'vitest'
import { addToIndex, removeFromIndex } from '../modules.ts'

const INDEX = `/** The list. */
import { accounts } from './accounts/module.ts'
import type { Module } from './define-module.ts'
import { users } from './users/module.ts'

export const modules: readonly Module[] = [accounts, users]
`

it.each([
  ['absences', 1],
  ['orders', 3],
  ['zones', 4],
])('%s is on line %i', (name, index) => {
  const added = addToIndex(INDEX, name)
  expect(added.split('\n')[index]).toBe(`import { ${name} } from './${name}/module.ts'`)
  expect(added).toContain(`[accounts, users, ${name}]`)
  expect(removeFromIndex(added, name)).toBe(INDEX)
})
