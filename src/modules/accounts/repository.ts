/** The SQL of accounts: the columns of `users` that authentication needs. */
import { eq, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { profile, users } from '../users/tables.ts'

const credentials = {
  id: users.id,
  passwordHash: users.passwordHash,
  role: users.role,
  isDisabled: sql<boolean>`${users.disabledAt} is not null`,
}

/**
 * Returns a function that finds the account of an e-mail address, in upper or lower case. It uses a prepared statement,
 * which PostgreSQL plans once per connection.
 */
export function createFindCredentials(db: Executor) {
  const statement = db
    .select(credentials)
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${sql.placeholder('email')})`))
    .prepare('find_credentials')
  return async (email: string) => (await statement.execute({ email }))[0]
}

/** Returns the account of an id, with the address and name that its password must not be; undefined if there is none. */
export async function findCredentialsById(db: Executor, id: string) {
  const [row] = await db
    .select({ ...credentials, email: users.email, displayName: users.displayName })
    .from(users)
    .where(eq(users.id, id))
  return row
}

/** Inserts an account and returns its profile, or undefined if the address is taken. */
export async function insertAccount(
  tx: Executor,
  account: { email: string; passwordHash: string; displayName: string },
) {
  const [row] = await tx.insert(users).values(account).onConflictDoNothing().returning(profile)
  return row
}

/** Replaces the password hash of an account. Returns false if the stored hash is no longer `expected`. */
export async function replacePasswordHash(
  tx: Executor,
  { id, expected, passwordHash }: { id: string; expected: string; passwordHash: string },
): Promise<boolean> {
  const { rowCount } = await tx
    .update(users)
    .set({ passwordHash })
    .where(sql`${users.id} = ${id} and ${users.passwordHash} = ${expected}`)
  return rowCount === 1
}
