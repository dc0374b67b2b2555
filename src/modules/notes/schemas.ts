/** The schemas of requests and responses of notes. */
import { type Static, Type } from '@sinclair/typebox'
import { Instant, InstantText, PageQuery, Strict, Text, Uuid } from '../../lib/schemas.ts'

const content = {
  title: Text(1, 200, { description: 'Text of 1 to 200 characters', examples: ['Shopping'] }),
  body: Text(0, 10_000, { description: 'Text of at most 10,000 characters', examples: ['Milk, bread, tea'] }),
}

/** The body of a request that creates a note or replaces its content. */
export const NoteBody = Strict(content)

export const Note = Strict({ id: Uuid, ...content, createdAt: Instant, updatedAt: Instant })

export const ListQuery = Strict({
  ...PageQuery,
  /** Selects the notes that changed at this instant or later. */
  updatedSince: Type.Optional(InstantText),
})

export type NoteBody = Static<typeof NoteBody>
export type ListQuery = Static<typeof ListQuery>
