/** The SQL of what authentication needs to know of an account: its password hash, role and whether it is disabled. */
import { eq, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { profile, users } from '../../db/schema.ts'

const credentials = {
  id: users.id,
  passwordHash: users.passwordHash,
  role: users.role,
  isDisabled: sql<boolean>`${users.disabledAt} is not null`,
}

/** The account of an e-mail address, whatever its case. */
export async function findCredentials(db: Executor, email: string) {
  const [row] = await db
    .select(credentials)
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${email})`))
  return row
}

/** The account of an id. */
export async function findCredentialsById(db: Executor, id: string) {
  const [row] = await db.select(credentials).from(users).where(eq(users.id, id))
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
