/** Contents of notes for tests, and a note for the tests over all routes. */
import type { NoteBody } from '../../../src/modules/notes/schemas.ts'
import type { ObjectFixture } from '../../helpers/fixtures.ts'

/** Returns the content of a note: different for each number. */
export function contentOf(number: number): NoteBody {
  return { title: `Title ${number}`, body: `Body ${number}` }
}

export const objects: readonly ObjectFixture[] = [
  {
    path: '/api/v1/notes/{id}',
    async create(service, { accessToken: token }) {
      const response = await service.call('POST', '/api/v1/notes', { token, body: contentOf(0) })
      if (response.statusCode !== 201) throw new Error(`${response.statusCode}: ${response.body}`)
      return response.json().id
    },
  },
]
