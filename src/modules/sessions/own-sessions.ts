/** Lists the sessions of the caller. */
import type { Database } from '../../db/client.ts'
import { readInstantCursor } from '../../http/instant-cursor.ts'
import { pageOf } from '../../lib/cursor.ts'
import type { AccessClaims } from './access-tokens.ts'
import { listSessions } from './repository.ts'

/** The list and its order, newest first. A cursor names them, so that the cursors of other lists are refused. */
const SORT = 'sessions:-createdAt'

/** Returns a page of the caller's live sessions, newest first. Throws InvalidCursor. */
export async function listOwnSessions(
  { db }: Database,
  caller: AccessClaims,
  { limit = 20, cursor }: { limit?: number; cursor?: string },
) {
  const after = readInstantCursor(cursor, SORT)
  const rows = await listSessions(db, { userId: caller.sub, limit, after })
  const { items, nextCursor } = pageOf(rows, limit, SORT, row => row.createdAt.toISOString())
  return { items: items.map(item => ({ ...item, current: item.id === caller.sid })), nextCursor }
}
