/** Drizzle as it is mostly written: each query is built when it is asked. */
import { asc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { users } from '../drizzle-schema.ts'
import type { Connect } from '../layer.ts'

export const connect: Connect = async ({ url, poolSize }) => {
  const db = drizzle(new pg.Pool({ connectionString: url, max: poolSize }))
  return {
    async findUser(id) {
      const [user] = await db.select().from(users).where(eq(users.id, id))
      return user
    },
    async listUsers(limit, after) {
      return db
        .select()
        .from(users)
        .where(
          after && sql`(${users.createdAt}, ${users.id}) > (${after.createdAt.toISOString()}, ${after.id})`,
        )
        .orderBy(asc(users.createdAt), asc(users.id))
        .limit(limit)
    },
  }
}
