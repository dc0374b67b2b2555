/** The fields of a new module in the files that name them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { withFields } from '../contents.ts'
import { EXAMPLE } from '../example.ts'
import { parseFields } from '../fields.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

it.each([
  ['a:text?', 'Instant, InstantText, PageQuery, Strict, Text, Uuid'],
  ['a:timestamp?', 'Instant, InstantText, PageQuery, Strict, Uuid'],
  ['a:uuid?,b:integer', 'Instant, InstantText, PageQuery, Strict, Uuid'],
])('%s: the schemas import what they use', (fields, names) => {
  const path = `src/modules/${EXAMPLE}/schemas.ts`
  const text = withFields(path, readFileSync(`${ROOT}/${path}`, 'utf8'), parseFields(fields))
  expect(text).toContain(`import { ${names} } from '../../lib/schemas.ts'`)
})
