/** The SQL of users with a look-up that Drizzle builds and PostgreSQL plans anew each time. */
import { sql } from 'drizzle-orm'
import type { Executor } from '../../../src/db/client.ts'
import { profile, users } from '../../../src/db/schema.ts'
import { createBatchedFind } from '../../../src/lib/batch.ts'

export * from '../../../src/modules/users/repository.ts'

export function createFindById(db: Executor) {
  return createBatchedFind(ids =>
    db
      .select(profile)
      .from(users)
      .where(sql`${users.id} = any(${sql.param(ids)}::uuid[])`),
  )
}
