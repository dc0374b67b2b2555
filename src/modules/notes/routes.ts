/** The HTTP routes of notes. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { IdParams, PageOf } from '../../lib/schemas.ts'
import { createNotesMetrics } from './metrics.ts'
import { ListQuery, Note, NoteBody } from './schemas.ts'
import { createNoteService } from './service.ts'

export const notesRoutes: FastifyPluginAsyncTypebox = async app => {
  const notes = createNoteService({ database: app.database, metrics: createNotesMetrics(app.metrics) })

  app.register(async function signedIn(scope: typeof app) {
    app.guard(scope, { requires: 'user' })

    scope.post(
      '/notes',
      { schema: { summary: 'Create a note', body: NoteBody, response: { 201: Note } } },
      async function createNote(request, reply) {
        return reply.code(201).send(await notes.create(request.user.sub, request.body))
      },
    )

    scope.get(
      '/notes',
      {
        config: { errorCodes: ['INVALID_CURSOR'] },
        schema: { summary: 'List own notes', querystring: ListQuery, response: { 200: PageOf(Note) } },
      },
      async function listNotes(request) {
        return notes.list(request.user.sub, request.query)
      },
    )
  })

  app.register(async function owner(scope: typeof app) {
    // Other users get the same response as for a note that does not exist.
    app.guard(scope, {
      requires: 'owner',
      isHidden: true,
      ownerOf: ({ params }) => notes.ownerOf((params as IdParams).id),
    })

    scope.get(
      '/notes/:id',
      { schema: { summary: 'Fetch a note', params: IdParams, response: { 200: Note } } },
      async function getNote(request) {
        return notes.view(request.user.sub, request.params.id)
      },
    )

    scope.put(
      '/notes/:id',
      {
        schema: {
          summary: 'Replace the content of a note',
          params: IdParams,
          body: NoteBody,
          response: { 200: Note },
        },
      },
      async function updateNote(request) {
        return notes.update(request.user.sub, request.params.id, request.body)
      },
    )

    scope.delete(
      '/notes/:id',
      { schema: { summary: 'Delete a note', params: IdParams, response: { 204: Type.Null() } } },
      async function deleteNote(request, reply) {
        await notes.remove(request.user.sub, request.params.id)
        return reply.code(204).send(null)
      },
    )
  })
}
