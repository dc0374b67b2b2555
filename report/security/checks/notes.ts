/** The security check of notes: a note is there for its owner only. */
import { NotVerified } from '../../errors.ts'
import { exampleBody } from '../../json-schema.ts'
import { ABSENT_ID } from '../../routes.ts'
import type { Actor } from '../actors.ts'
import type { ServiceCheck } from '../check.ts'

export const notesOwner: ServiceCheck = {
  id: 'notes-owner',
  claim: "Users cannot list, read, change or delete another user's notes",
  source: 'OWASP API1:2023, ASVS 5.0 §8.2.2',
  needs: 'service',
  async run({ expect, actors, objects, routes }) {
    const list = routes.find(({ method, url }) => method === 'POST' && url.endsWith('/notes'))
    if (!list) throw new NotVerified('no route creates notes')
    const notes = list.url
    const [owner, stranger] = await Promise.all([actors.user(), actors.user()])
    const id = await objects.create(notes, owner)
    if (id === undefined) throw new NotVerified('a note cannot be created')
    const update = routes.find(({ method, url }) => method === 'PUT' && url === `${notes}/:id`)
    const body = update && { body: exampleBody(update) }
    const call = (method: string, { client, accessToken: token }: Actor, sent: string, path: string) =>
      client.call(method, path, { sent, token, ...(method === 'PUT' && body) })

    for (const method of ['GET', 'PUT', 'DELETE']) {
      const refused = await call(method, stranger, "a stranger's token", `${notes}/${id}`)
      const missing = await call(method, stranger, 'an id that no note has', `${notes}/${ABSENT_ID}`)
      expect.status(refused, 404)
      expect.response(missing, 'the same refusal', missing.json.code === refused.json.code)
    }
    const listed = await call('GET', stranger, "a stranger's token", notes)
    expect.response(listed, '200, without the note', listed.status === 200 && !listed.text.includes(id))
    const kept = await call('GET', owner, "the owner's token", `${notes}/${id}`)
    expect.response(kept, '200, and the note', kept.status === 200 && kept.json.id === id)
  },
}
