/** Which names of modules the operations of others leave. */
import { expect, it } from 'vitest'
import { EXAMPLE } from '../example.ts'
import { findClash } from '../new.ts'
import { namesOf } from '../translate.ts'

const HANDLERS: Record<string, string> = {
  [`src/modules/${EXAMPLE}/routes.ts`]:
    'async function createNote(request) {}\nasync function listNotes(request) {}',
  'src/modules/data/routes.ts': 'async function createDataItem(request) {}',
  'src/modules/sessions/routes.ts': 'async function listOwnSessions(request) {}',
}
const files = {
  list: () => Object.keys(HANDLERS),
  has: (path: string) => path in HANDLERS,
  read: (path: string) => HANDLERS[path] ?? '',
}

it.each([
  ['orders', undefined],
  ['data-items', 'createDataItem'],
  ['own-sessions', 'listOwnSessions'],
])('%s: %s', (name, operation) => {
  expect(findClash(files, namesOf(name))).toBe(operation)
})
