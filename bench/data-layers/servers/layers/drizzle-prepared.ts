/** Drizzle with its queries built once, and planned once per connection. */
import { asc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { users } from '../drizzle-schema.ts'
import type { Connect } from '../layer.ts'

export const connect: Connect = async ({ url, poolSize }) => {
  const db = drizzle(new pg.Pool({ connectionString: url, max: poolSize }))
  const find = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('find_user')
  const page = () =>
    db
      .select()
      .from(users)
      .orderBy(asc(users.createdAt), asc(users.id))
      .limit(sql.placeholder('limit'))
      .$dynamic()
  const list = page().prepare('list_users')
  const listAfter = page()
    .where(
      sql`(${users.createdAt}, ${users.id}) > (${sql.placeholder('createdAt')}, ${sql.placeholder('id')})`,
    )
    .prepare('list_users_after')
  return {
    async findUser(id) {
      const [user] = await find.execute({ id })
      return user
    },
    async listUsers(limit, after) {
      if (!after) return list.execute({ limit })
      return listAfter.execute({ limit, createdAt: after.createdAt.toISOString(), id: after.id })
    },
  }
}
