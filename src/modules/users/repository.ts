/** The SQL of user profiles. */
import { and, asc, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { createBatchedFind } from '../../db/batch.ts'
import type { DatabaseListeners, Executor } from '../../db/client.ts'
import { profile, users } from './tables.ts'

export type Profile = { [Column in keyof typeof profile]: (typeof users.$inferSelect)[Column] }

/** The length that PostgreSQL plans for where it does not know a list. */
const PLANNED_LENGTH = 10

/**
 * Finds profiles by id; look-ups that come at the same time share a statement, planned once per connection. Each of
 * them is told to `trace`, with the text of the statement that many share. One that comes alone has its own.
 */
export function createFindById(
  db: Executor,
  trace: DatabaseListeners['onQuery'],
): (id: string) => Promise<Profile | undefined> {
  const select = () => db.select(profile).from(users)
  const one = select()
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('find_user_by_id')
  const many = select()
    .where(sql`${users.id} = any(${sql.placeholder('ids')}::uuid[])`)
    .prepare('find_users_by_id')
  const { sql: text } = many.getQuery()
  const find = createBatchedFind(ids =>
    ids.length === 1 ? one.execute({ id: ids[0] }) : many.execute({ ids: lengthen(ids) }),
  )
  return id => trace(text, () => find(id))
}

/**
 * The ids, one of them repeated where they are few: PostgreSQL plans anew for every list that is shorter than what it
 * has planned for, since a plan of its own looks cheaper, and that takes 50 of 230 µs.
 */
function lengthen(ids: readonly string[]): readonly string[] {
  const missing = PLANNED_LENGTH - ids.length
  return missing > 0 ? [...ids, ...Array(missing).fill(ids[0])] : ids
}

/** Sets name and address, and returns the profile; undefined where there is no such user. */
export async function updateProfile(
  db: Executor,
  id: string,
  changes: { displayName: string; email: string },
): Promise<Profile | undefined> {
  const [row] = await db
    .update(users)
    .set({ ...changes, updatedAt: sql`now()` })
    .where(eq(users.id, id))
    .returning(profile)
  return row
}

/** Disables or enables a user; false where there is none, or it is so already. */
export async function setDisabled(tx: Executor, id: string, isDisabled: boolean): Promise<boolean> {
  const { rowCount } = await tx
    .update(users)
    .set({ disabledAt: isDisabled ? sql`now()` : null, updatedAt: sql`now()` })
    .where(and(eq(users.id, id), isDisabled ? isNull(users.disabledAt) : isNotNull(users.disabledAt)))
  return rowCount === 1
}

/**
 * Locks the enabled admins, always in the same order, and returns their ids. What takes one away does this first: of two
 * that do it at the same time, the second sees who is left.
 */
export async function lockAdmins(tx: Executor): Promise<string[]> {
  const rows = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'admin'), isNull(users.disabledAt)))
    .orderBy(asc(users.id))
    .for('no key update')
  return rows.map(row => row.id)
}

/** Locks the account of an e-mail address, and returns what an operator's command needs to know of it. */
export async function lockByEmail(tx: Executor, email: string) {
  const [row] = await tx
    .select({ id: users.id, role: users.role, isDisabled: sql<boolean>`${users.disabledAt} is not null` })
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${email})`))
    .for('no key update')
  return row
}

export async function setRole(tx: Executor, id: string, role: Profile['role']): Promise<void> {
  await tx.update(users).set({ role, updatedAt: sql`now()` }).where(eq(users.id, id))
}

export async function exists(db: Executor, id: string): Promise<boolean> {
  const [row] = await db.select({ id: users.id }).from(users).where(eq(users.id, id))
  return row !== undefined
}

/** The orders of the list: the expression that each sorts by, and the text of a row's key. */
const orders = {
  createdAt: {
    key: sql`${users.createdAt}`,
    type: sql`timestamptz`,
    keyOf: (row: Profile) => row.createdAt.toISOString(),
  },
  email: {
    key: sql`lower(${users.email})`,
    type: sql`text`,
    keyOf: (row: Profile) => row.email.toLowerCase(),
  },
}

export type Order = keyof typeof orders

/** What the cursor of a row holds under an order. */
export function keyOf(order: Order, row: Profile): string {
  return orders[order].keyOf(row)
}

type ListOptions = {
  order: Order
  isDescending: boolean
  limit: number
  after: { key: string; id: string } | undefined
  role: Profile['role'] | undefined
  disabled: boolean | undefined
}

/** A page of users from after a position, and one more row than `limit` where there is a next page. */
export async function listUsers(
  db: Executor,
  { order, isDescending, limit, after, role, disabled }: ListOptions,
) {
  const { key, type } = orders[order]
  const direction = isDescending ? desc : asc
  const beyond = isDescending ? sql`<` : sql`>`
  return db
    .select({ ...profile, disabledAt: users.disabledAt })
    .from(users)
    .where(
      and(
        role && eq(users.role, role),
        disabled === undefined
          ? undefined
          : disabled
            ? isNotNull(users.disabledAt)
            : isNull(users.disabledAt),
        // A row comparison, which one index scan answers.
        after && sql`(${key}, ${users.id}) ${beyond} (${after.key}::${type}, ${after.id}::uuid)`,
      ),
    )
    .orderBy(direction(key), direction(users.id))
    .limit(limit + 1)
}
