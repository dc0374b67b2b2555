/** Creates, reads, replaces, deletes and lists the notes of an owner. */
import type { Database } from '../../db/client.ts'
import { errors } from '../../http/errors.ts'
import { readInstantCursor } from '../../http/instant-cursor.ts'
import { pageOf } from '../../lib/cursor.ts'
import { isUuid } from '../../lib/schemas.ts'
import type { NotesMetrics } from './metrics.ts'
import * as repository from './repository.ts'
import type { ListQuery, NoteBody } from './schemas.ts'

type Dependencies = { database: Pick<Database, 'db'>; metrics: NotesMetrics }

/** The list and its order, newest first. A cursor names them, so that the cursors of other lists are refused. */
const SORT = 'notes:-createdAt'

/** Returns the functions that the routes of notes call. */
export function createNoteService({ database: { db }, metrics }: Dependencies) {
  /** Returns the id of a note's owner, or undefined if there is no such note. */
  async function ownerOf(id: string): Promise<string | undefined> {
    return isUuid(id) ? repository.findOwner(db, id) : undefined
  }

  /** Creates a note and returns it. */
  async function create(owner: string, content: NoteBody) {
    const note = await repository.insertNote(db, owner, content)
    metrics.created.inc()
    return note
  }

  /** Returns a note. Throws NotFound. */
  async function view(owner: string, id: string) {
    return requireFound(await repository.findNote(db, { id, ownerId: owner }))
  }

  /** Replaces the content of a note and returns it. Throws NotFound. */
  async function update(owner: string, id: string, content: NoteBody) {
    return requireFound(await repository.updateNote(db, { id, ownerId: owner }, content))
  }

  /** Deletes a note. Throws NotFound. */
  async function remove(owner: string, id: string): Promise<void> {
    if (!(await repository.deleteNote(db, { id, ownerId: owner }))) throw new errors.NotFound()
  }

  /** Returns a page of the owner's notes, newest first. Throws InvalidCursor. */
  async function list(owner: string, { limit = 20, cursor, updatedSince }: ListQuery) {
    const rows = await repository.listNotes(db, {
      owner,
      limit,
      after: readInstantCursor(cursor, SORT),
      updatedSince: updatedSince === undefined ? undefined : new Date(updatedSince),
    })
    return pageOf(rows, limit, SORT, note => note.createdAt.toISOString())
  }

  return { ownerOf, create, view, update, remove, list }
}

/** Returns the note. Throws NotFound if it is undefined: it may have been deleted after the guard found its owner. */
function requireFound<Note>(note: Note | undefined): Note {
  if (note === undefined) throw new errors.NotFound()
  return note
}
