/** Reads cursors of lists that are sorted by the instant of creation. */
import { decodeCursor, instantOf } from '../lib/cursor.ts'
import { errors } from './errors.ts'

/** The position at which the previous page ended. */
export type InstantPosition = { createdAt: Date; id: string }

/** Returns the position of a cursor for the order `sort`, or undefined without a cursor. Throws InvalidCursor. */
export function readInstantCursor(cursor: string | undefined, sort: string): InstantPosition | undefined {
  if (cursor === undefined) return undefined
  const position = decodeCursor(cursor, sort)
  const createdAt = position && instantOf(position.key)
  if (!position || !createdAt) throw new errors.InvalidCursor()
  return { createdAt, id: position.id }
}
