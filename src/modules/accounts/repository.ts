/** The SQL of what authentication needs to know of an account: its password hash, role and whether it is disabled. */
import { eq, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { profile, users } from '../users/tables.ts'

const credentials = {
  id: users.id,
  passwordHash: users.passwordHash,
  role: users.role,
  isDisabled: sql<boolean>`${users.disabledAt} is not null`,
}

/** Finds the account of an e-mail address, whatever its case, with a statement that is planned once per connection. */
export function createFindCredentials(db: Executor) {
  const statement = db
    .select(credentials)
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${sql.placeholder('email')})`))
    .prepare('find_credentials')
  return async (email: string) => (await statement.execute({ email }))[0]
}

/** The account of an id, with what its password must not be. */
export async function findCredentialsById(db: Executor, id: string) {
  const owner = { email: users.email, displayName: users.displayName }
  const [row] = await db
    .select({ ...credentials, ...owner })
    .from(users)
    .where(eq(users.id, id))
  return row
}

/** A new account, or undefined where the address is taken. */
export async function insertAccount(
  tx: Executor,
  account: { email: string; passwordHash: string; displayName: string },
) {
  const [row] = await tx.insert(users).values(account).onConflictDoNothing().returning(profile)
  return row
}

/** Sets a new password where the old one is still `expected`; false where it is not. */
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
