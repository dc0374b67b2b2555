/** What the routes of notes take and return. */
import { type Static, Type } from '@sinclair/typebox'
import { Instant, InstantText, PageQuery, Strict, Text, Uuid } from '../../lib/schemas.ts'

const content = {
  title: Text(1, 200, { description: 'Text of 1 to 200 characters', examples: ['Shopping'] }),
  body: Text(0, 10_000, { description: 'Text of at most 10,000 characters', examples: ['Milk, bread, tea'] }),
}

/** What a client sends, to create a note and to replace its content. */
export const NoteBody = Strict(content)

export const Note = Strict({ id: Uuid, ...content, createdAt: Instant, updatedAt: Instant })

export const ListQuery = Strict({
  ...PageQuery,
  /** Only notes that changed at this instant or later. */
  updatedSince: Type.Optional(InstantText),
})

export type NoteBody = Static<typeof NoteBody>
export type ListQuery = Static<typeof ListQuery>
