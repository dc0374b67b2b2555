/** The SQL of user profiles, roles and the list of users. */
import { and, asc, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { createBatchedFind } from '../../db/batch.ts'
import type { DatabaseListeners, Executor } from '../../db/client.ts'
import { profile, users } from './tables.ts'

type Profile = { [Column in keyof typeof profile]: (typeof users.$inferSelect)[Column] }

/** The number of elements that PostgreSQL assumes for an array that it does not know when it plans. */
const PLANNED_LENGTH = 10

/**
 * Returns a function that finds a profile by id. Simultaneous look-ups share one prepared statement; a single look-up
 * has its own. `trace` gets each look-up, always with the text of the shared statement.
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
 * Returns the ids, with the first one repeated up to PLANNED_LENGTH. For a shorter array PostgreSQL makes a new plan each
 * time, because that plan looks cheaper than the generic one. Planning takes 50 of 230 µs.
 */
function lengthen(ids: readonly string[]): readonly string[] {
  const missing = PLANNED_LENGTH - ids.length
  return missing > 0 ? [...ids, ...Array(missing).fill(ids[0])] : ids
}

/** Sets the name and address of a user. Returns the profile, or undefined if there is no such user. */
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

/** Disables or enables a user. Returns false if that changes nothing, or there is no such user. */
export async function setDisabled(tx: Executor, id: string, isDisabled: boolean): Promise<boolean> {
  const { rowCount } = await tx
    .update(users)
    .set({ disabledAt: isDisabled ? sql`now()` : null, updatedAt: sql`now()` })
    .where(and(eq(users.id, id), isDisabled ? isNull(users.disabledAt) : isNotNull(users.disabledAt)))
  return rowCount === 1
}

/**
 * Locks the enabled admins, always in the same order, and returns their ids. Call it before an admin is disabled or
 * demoted: if two transactions do that at the same time, the second one sees which admins are left.
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

/** Locks the account of an e-mail address and returns its id, role and state; undefined if there is none. */
export async function lockByEmail(tx: Executor, email: string) {
  const [row] = await tx
    .select({ id: users.id, role: users.role, isDisabled: sql<boolean>`${users.disabledAt} is not null` })
    .from(users)
    .where(eq(sql`lower(${users.email})`, sql`lower(${email})`))
    .for('no key update')
  return row
}

/** Sets the role of a user. */
export async function setRole(tx: Executor, id: string, role: Profile['role']): Promise<void> {
  await tx.update(users).set({ role, updatedAt: sql`now()` }).where(eq(users.id, id))
}

/** Returns whether there is a user with this id. */
export async function exists(db: Executor, id: string): Promise<boolean> {
  const [row] = await db.select({ id: users.id }).from(users).where(eq(users.id, id))
  return row !== undefined
}

/** The orders of the list: the SQL expression, its type, and the text of a row's sort key in a cursor. */
const orders = {
  createdAt: {
    key: sql`${users.createdAt}`,
    type: sql`timestamptz`,
    sortKeyOf: (row: Profile) => row.createdAt.toISOString(),
  },
  email: {
    key: sql`lower(${users.email})`,
    type: sql`text`,
    sortKeyOf: (row: Profile) => row.email.toLowerCase(),
  },
}

export type Order = keyof typeof orders

/** Returns the sort key of a row in an order, as its cursor contains it. */
export function sortKeyOf(order: Order, row: Profile): string {
  return orders[order].sortKeyOf(row)
}

type ListOptions = {
  order: Order
  isDescending: boolean
  limit: number
  after: { key: string; id: string } | undefined
  role: Profile['role'] | undefined
  disabled: boolean | undefined
}

/** Returns the users after a position: at most one more than `limit`, for `pageOf`. */
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
        // A comparison of rows needs only one index scan.
        after && sql`(${key}, ${users.id}) ${beyond} (${after.key}::${type}, ${after.id}::uuid)`,
      ),
    )
    .orderBy(direction(key), direction(users.id))
    .limit(limit + 1)
}
