/** Lists the sessions of the caller. */
import type { Database } from '../../db/client.ts'
import { errors } from '../../http/errors.ts'
import { decodeCursor, instantOf, pageOf } from '../../lib/cursor.ts'
import type { AccessClaims } from './access-tokens.ts'
import { listSessions } from './repository.ts'

const SORT = '-createdAt'

/** Returns a page of the caller's live sessions, newest first. Throws InvalidCursor. */
export async function listOwnSessions(
  { db }: Database,
  caller: AccessClaims,
  { limit = 20, cursor }: { limit?: number; cursor?: string },
) {
  const after = cursor === undefined ? undefined : positionOf(cursor)
  const rows = await listSessions(db, { userId: caller.sub, limit, after })
  const { items, nextCursor } = pageOf(rows, limit, SORT, row => row.createdAt.toISOString())
  return { items: items.map(item => ({ ...item, current: item.id === caller.sid })), nextCursor }
}

/** Returns the position of a cursor. Throws InvalidCursor. */
function positionOf(cursor: string): { createdAt: Date; id: string } {
  const position = decodeCursor(cursor, SORT)
  const createdAt = position && instantOf(position.key)
  if (!position || !createdAt) throw new errors.InvalidCursor()
  return { createdAt, id: position.id }
}
