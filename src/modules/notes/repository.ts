/** The SQL of notes. Reads and writes name the owner: without a guard they would still show nothing of another user. */
import { and, desc, eq, getTableColumns, gte, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import type { NoteBody } from './schemas.ts'
import { notes } from './tables.ts'

/** What the owner sees of a note. */
const { ownerId, ...columns } = getTableColumns(notes)

/** Which note, and whose. */
type Own = { id: string; ownerId: string }

const isOwn = (own: Own) => and(eq(notes.id, own.id), eq(ownerId, own.ownerId))

/** Returns the id of a note's owner; undefined where there is no such note. */
export async function findOwner(db: Executor, id: string): Promise<string | undefined> {
  const [row] = await db.select({ ownerId }).from(notes).where(eq(notes.id, id))
  return row?.ownerId
}

/** Inserts a note and returns it. */
export async function insertNote(db: Executor, owner: string, content: NoteBody) {
  const [row] = await db
    .insert(notes)
    .values({ ...content, ownerId: owner })
    .returning(columns)
  if (!row) throw new Error('an insert returned no row')
  return row
}

/** Returns a note; undefined where the owner has no such note. */
export async function findNote(db: Executor, own: Own) {
  const [row] = await db.select(columns).from(notes).where(isOwn(own))
  return row
}

/** Replaces the content of a note and returns it; undefined where the owner has no such note. */
export async function updateNote(db: Executor, own: Own, content: NoteBody) {
  const [row] = await db
    .update(notes)
    .set({ ...content, updatedAt: sql`now()` })
    .where(isOwn(own))
    .returning(columns)
  return row
}

/** Deletes a note; false where the owner has no such note. */
export async function deleteNote(db: Executor, own: Own): Promise<boolean> {
  const { rowCount } = await db.delete(notes).where(isOwn(own))
  return rowCount === 1
}

type ListOptions = {
  owner: string
  limit: number
  after: { createdAt: Date; id: string } | undefined
  updatedSince: Date | undefined
}

/** Returns a page of the owner's notes, newest first, from after a position, and one more row than `limit`. */
export async function listNotes(db: Executor, { owner, limit, after, updatedSince }: ListOptions) {
  return db
    .select(columns)
    .from(notes)
    .where(
      and(
        eq(ownerId, owner),
        updatedSince && gte(notes.updatedAt, updatedSince),
        // A row comparison, which one index scan does.
        after &&
          sql`(${notes.createdAt}, ${notes.id}) < (${after.createdAt.toISOString()}::timestamptz, ${after.id}::uuid)`,
      ),
    )
    .orderBy(desc(notes.createdAt), desc(notes.id))
    .limit(limit + 1)
}
