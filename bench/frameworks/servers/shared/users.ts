/** The data layer of all servers but bare: Drizzle over pg, so that what differs between them is the framework. */
import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { refreshTokens, sessions, users } from './schema.ts'

export type Database = ReturnType<typeof createDatabase>
export type Users = ReturnType<typeof createUsers>
export type Caller = { sub: string; role: string }

/** Returns Drizzle over a pool of pg's default size, 10 connections, which is the service's too. */
export function createDatabase(connectionString: string) {
  // 30 s, as the service: a connection that was closed between two rounds would cost the next its first requests.
  return drizzle(new pg.Pool({ connectionString, idleTimeoutMillis: 30_000 }))
}

/** Statements are prepared once, which is what Drizzle's documentation advises for performance. */
export function createUsers(db: Database) {
  const byId = db
    .select({
      id: users.id,
      email: users.email,
      displayName: users.displayName,
      role: users.role,
      createdAt: users.createdAt,
      updatedAt: users.updatedAt,
    })
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('find_user_by_id')
  const byEmail = db
    .select({
      id: users.id,
      role: users.role,
      passwordHash: users.passwordHash,
      disabledAt: users.disabledAt,
    })
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${sql.placeholder('email')})`))
    .prepare('find_user_by_email')

  return {
    /** What the caller may see of a user; undefined where there is none. */
    async view(id: string, caller: Caller) {
      const [user] = await byId.execute({ id })
      if (!user || user.id === caller.sub || caller.role === 'admin') return user
      return { id: user.id, displayName: user.displayName, createdAt: user.createdAt }
    },

    /** What a login needs to know. */
    async findCredentials(email: string) {
      const [user] = await byEmail.execute({ email })
      return user
    },

    /** Opens a session with its first refresh token, and returns the session's id. */
    async openSession(
      userId: string,
      tokenHash: Buffer,
      { ip, userAgent }: { ip: string; userAgent: string },
    ) {
      const expiresAt = new Date(Date.now() + 30 * 86_400_000)
      const idleExpiresAt = new Date(Date.now() + 14 * 86_400_000)
      return db.transaction(async tx => {
        const [session] = await tx
          .insert(sessions)
          .values({ userId, ip, userAgent, expiresAt, idleExpiresAt })
          .returning({ id: sessions.id })
        if (!session) throw new Error('no session was inserted')
        await tx.insert(refreshTokens).values({ tokenHash, sessionId: session.id })
        return session.id
      })
    },
  }
}
