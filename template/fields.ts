/** The fields of a new module, as `--fields` names them. */
import { UserFacingError } from '../src/lib/user-facing-error.ts'
import { problemWithField, quote, snakeOf } from './names.ts'

const TYPES = ['text', 'integer', 'boolean', 'timestamp', 'uuid'] as const

export type Field = { name: string; type: (typeof TYPES)[number]; isNullable: boolean }

const MAX_FIELDS = 20

/** What every module has of its own, and what its list takes as parameters. */
const TAKEN = [
  'id',
  'ownerId',
  'createdAt',
  'updatedAt',
  'limit',
  'cursor',
  'sort',
  'order',
  'items',
  'nextCursor',
]

/** Returns the fields of `title:text,dueAt:timestamp?`. Throws UserFacingError, in one line. */
export function parseFields(text: string): Field[] {
  const fields = text.split(',').map(parseField)
  if (fields.length > MAX_FIELDS) throw new UserFacingError(`A module has at most ${MAX_FIELDS} fields.`)
  const seen = new Set<string>()
  for (const { name } of fields) {
    const column = snakeOf(name)
    if (seen.has(column)) throw new UserFacingError(`${quote(name)} is there twice.`)
    seen.add(column)
  }
  return fields
}

function parseField(text: string): Field {
  const [, name = '', type = '', mark = ''] = /^([^:]*):([^:?]*)(\?)?$/.exec(text) ?? []
  const known = TYPES.find(other => other === type)
  if (known === undefined) {
    throw new UserFacingError(
      `${quote(text)} is not a valid field: write name:type, where the type is ${TYPES.join(', ')}, and ? allows null.`,
    )
  }
  const problem = TAKEN.some(taken => snakeOf(taken) === snakeOf(name))
    ? `${quote(name)} is taken: every module has it.`
    : problemWithField(name)
  if (problem) throw new UserFacingError(problem)
  return { name, type: known, isNullable: mark === '?' }
}
