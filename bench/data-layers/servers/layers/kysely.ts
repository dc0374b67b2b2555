/** Kysely, the query builder. */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Connect } from '../layer.ts'

type Database = {
  users: {
    id: string
    email: string
    display_name: string
    role: string
    created_at: Date
    updated_at: Date
  }
}

const columns = [
  'id',
  'email',
  'display_name as displayName',
  'role',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const

export const connect: Connect = async ({ url, poolSize }) => {
  const pool = new pg.Pool({ connectionString: url, max: poolSize })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  return {
    findUser: id => db.selectFrom('users').select(columns).where('id', '=', id).executeTakeFirst(),
    async listUsers(limit, after) {
      const users = db.selectFrom('users').select(columns)
      const page = after
        ? users.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('created_at', 'id'), '>', tuple(after.createdAt, after.id)),
          )
        : users
      return page.orderBy('created_at').orderBy('id').limit(limit).execute()
    },
  }
}
