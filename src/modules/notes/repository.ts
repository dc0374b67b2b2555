/** The SQL of notes. Each statement names the owner: even without a guard, it cannot reach the notes of other users. */
import { and, desc, eq, getTableColumns, gte, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import type { InstantPosition } from '../../http/instant-cursor.ts'
import type { NoteBody } from './schemas.ts'
import { notes } from './tables.ts'

/** `columns` are those that the API returns. */
const { ownerId, ...columns } = getTableColumns(notes)

/** A note of an owner. */
type Own = { id: string; ownerId: string }

const isOwn = (own: Own) => and(eq(notes.id, own.id), eq(ownerId, own.ownerId))

/** Returns the id of a note's owner, or undefined if there is no such note. */
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

/** Returns a note, or undefined if the owner has no such note. */
export async function findNote(db: Executor, own: Own) {
  const [row] = await db.select(columns).from(notes).where(isOwn(own))
  return row
}

/** Replaces the content of a note and returns the note, or undefined if the owner has no such note. */
export async function updateNote(db: Executor, own: Own, content: NoteBody) {
  const [row] = await db
    .update(notes)
    .set({ ...content, updatedAt: sql`now()` })
    .where(isOwn(own))
    .returning(columns)
  return row
}

/** Deletes a note. Returns false if the owner has no such note. */
export async function deleteNote(db: Executor, own: Own): Promise<boolean> {
  const { rowCount } = await db.delete(notes).where(isOwn(own))
  return rowCount === 1
}

type ListOptions = {
  owner: string
  limit: number
  after: InstantPosition | undefined
  updatedSince: Date | undefined
}

/** Returns the owner's notes after a position, newest first: at most one more than `limit`, for `pageOf`. */
export async function listNotes(db: Executor, { owner, limit, after, updatedSince }: ListOptions) {
  return db
    .select(columns)
    .from(notes)
    .where(
      and(
        eq(ownerId, owner),
        updatedSince && gte(notes.updatedAt, updatedSince),
        // A comparison of rows needs only one index scan.
        after &&
          sql`(${notes.createdAt}, ${notes.id}) < (${after.createdAt.toISOString()}::timestamptz, ${after.id}::uuid)`,
      ),
    )
    .orderBy(desc(notes.createdAt), desc(notes.id))
    .limit(limit + 1)
}
