/** Named statements that the server cannot run any more: the schema changed under them, or their session was swapped. */
import pg from 'pg'

/**
 * Returns whether the server refused a statement because it was prepared for another schema, or in another session.
 * 0A000 has many meanings; only that of the plan cache comes from `RevalidateCachedQuery` (PostgreSQL's plancache.c).
 * 26000 and 42P05 are a pooler's: the session does not know the name, or knows it already.
 */
export function isStaleStatement(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  const { code, routine } = error
  return code === '26000' || code === '42P05' || (code === '0A000' && routine === 'RevalidateCachedQuery')
}

/**
 * Returns whether another preparation may help. Class 42 as well: the types of parameters are those of the first
 * preparation, so that a column that is now a uuid is compared with what was text then (42883, 42804).
 */
export function mayBeStale(error: unknown): boolean {
  return (
    isStaleStatement(error) || (error instanceof pg.DatabaseError && error.code?.startsWith('42') === true)
  )
}

/** Returns a statement without its name, so that any connection prepares it anew; undefined where it has none. */
export function withoutName(statement: string | pg.QueryConfig): pg.QueryConfig | undefined {
  if (typeof statement === 'string' || statement.name === undefined) return undefined
  const { name: _name, ...unnamed } = statement
  return unnamed
}
