/** The SQL of users with a look-up that Drizzle builds and PostgreSQL plans anew each time. */
import { sql } from 'drizzle-orm'
import { createBatchedFind } from '../../../src/db/batch.ts'
import type * as original from '../../../src/modules/users/repository.ts'
import { profile, users } from '../../../src/modules/users/tables.ts'

export * from '../../../src/modules/users/repository.ts'

export const createFindById: typeof original.createFindById = (db, trace) => {
  const query = (ids: readonly string[]) =>
    db
      .select(profile)
      .from(users)
      .where(sql`${users.id} = any(${sql.param(ids)}::uuid[])`)
  const { sql: text } = query([]).toSQL()
  const find = createBatchedFind(query)
  return id => trace(text, () => find(id))
}
