/** Notes are created, read, replaced, deleted and listed by their owner, and no other user sees them. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCursor } from '../../../src/lib/cursor.ts'
import { createTestApp, type TestApp } from '../../helpers/app.ts'
import { contentOf } from './fixture.ts'

const PATH = '/api/v1/notes'

type Note = { id: string; createdAt: string; updatedAt: string }
type Method = Parameters<TestApp['call']>[0]

let service: TestApp
let owner: Awaited<ReturnType<TestApp['signUp']>>
let other: typeof owner

beforeAll(async () => {
  service = await createTestApp()
  ;[owner, other] = [await service.signUp(), await service.signUp()]
})
afterAll(() => service.close())

const asOwner = (method: Method, url: string, body?: unknown) =>
  service.call(method, url, { token: owner.accessToken, ...(body !== undefined && { body }) })

async function create(number = 1): Promise<Note> {
  const response = await asOwner('POST', PATH, contentOf(number))
  expect(response.statusCode, response.body).toBe(201)
  return response.json()
}

async function createdInMetrics(): Promise<number> {
  const metric = await service.app.metrics.registry.getSingleMetric('notes_created_total')?.get()
  return metric?.values[0]?.value ?? 0
}

describe('a note', () => {
  it('is returned as it was written, and counted', async () => {
    const before = await createdInMetrics()
    const note = await create(7)
    expect(note).toMatchObject(contentOf(7))
    expect((await asOwner('GET', `${PATH}/${note.id}`)).json()).toEqual(note)
    expect(await createdInMetrics()).toBe(before + 1)
  })

  it('is replaced as a whole, and keeps its id and its creation', async () => {
    const note = await create()
    const response = await asOwner('PUT', `${PATH}/${note.id}`, contentOf(8))
    expect(response.statusCode).toBe(200)
    const { updatedAt, ...rest } = response.json()
    expect(rest).toEqual({ ...contentOf(8), id: note.id, createdAt: note.createdAt })
    expect(Date.parse(updatedAt)).toBeGreaterThanOrEqual(Date.parse(note.updatedAt))
    expect((await asOwner('GET', `${PATH}/${note.id}`)).json()).toEqual(response.json())
  })

  it('gets 404 after it is deleted', async () => {
    const { id } = await create()
    expect((await asOwner('DELETE', `${PATH}/${id}`)).statusCode).toBe(204)
    for (const method of ['GET', 'DELETE', 'PUT'] as const) {
      const response = await asOwner(method, `${PATH}/${id}`, method === 'PUT' ? contentOf(1) : undefined)
      expect(response.statusCode, method).toBe(404)
    }
  })

  it('needs each member of its content, and refuses other members', async () => {
    const { id } = await create()
    const content: Record<string, unknown> = contentOf(1)
    const incomplete = Object.keys(content).map(name => ({ ...content, [name]: undefined }))
    const foreign = ['id', 'ownerId', 'createdAt', 'updatedAt'].map(name => ({
      ...content,
      [name]: other.id,
    }))
    for (const body of [...incomplete, ...foreign]) {
      expect((await asOwner('POST', PATH, body)).statusCode, JSON.stringify(body)).toBe(400)
      expect((await asOwner('PUT', `${PATH}/${id}`, body)).statusCode, JSON.stringify(body)).toBe(400)
    }
  })

  it('gets 404 for other users and for admins, like a missing note', async () => {
    const { id } = await create()
    await service.database.query("update users set role = 'admin' where id = $1", [other.id])
    const { accessToken: token } = await service.logIn(other.email)
    for (const path of [`${PATH}/${id}`, `${PATH}/${crypto.randomUUID()}`, `${PATH}/no-id`]) {
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const body = method === 'PUT' ? { body: contentOf(9) } : {}
        const response = await service.call(method, path, { token, ...body })
        expect(response.json(), path).toMatchObject({ status: 404, code: 'NOT_FOUND' })
      }
    }
    expect((await asOwner('GET', `${PATH}/${id}`)).json()).toMatchObject(contentOf(1))
  })
})

describe('the list of notes', () => {
  const COUNT = 30
  let listed: typeof owner
  let all: Note[]

  const list = (query: Record<string, string>) =>
    service.call('GET', `${PATH}?${new URLSearchParams(query)}`, { token: listed.accessToken })

  /** Returns the ids of all pages. */
  async function listAll(query: Record<string, string>): Promise<string[]> {
    const ids: string[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = (await list({ ...query, ...(cursor !== undefined && { cursor }) })).json()
      ids.push(...page.items.map(({ id }: Note) => id))
      cursor = page.nextCursor
    }
    return ids
  }

  beforeAll(async () => {
    listed = await service.signUp()
    for (let i = 0; i < COUNT; i += 1) {
      await service.call('POST', PATH, { token: listed.accessToken, body: contentOf(i) })
    }
    // Several notes share the instant of their creation. They were changed in another order.
    await service.database.query(
      `update notes set created_at = timestamptz '2026-01-31 12:00:00.123+00' + (numbered.n / 4) * interval '1 millisecond',
         updated_at = timestamptz '2026-02-01 12:00:00+00' + (numbered.n * 7 % ${COUNT}) * interval '1 second'
       from (select id as of, row_number() over (order by id) as n from notes where owner_id = $1) as numbered
       where id = numbered.of`,
      [listed.id],
    )
    const { rows } = await service.database.query<{ id: string; createdAt: Date; updatedAt: Date }>(
      'select id, created_at as "createdAt", updated_at as "updatedAt" from notes where owner_id = $1',
      [listed.id],
    )
    all = rows
      .map(row => ({
        id: row.id,
        createdAt: row.createdAt.toISOString(),
        updatedAt: row.updatedAt.toISOString(),
      }))
      .toSorted((a, b) => (`${a.createdAt} ${a.id}` < `${b.createdAt} ${b.id}` ? 1 : -1))
  })

  it('has only the notes of the caller, newest first, in pages of every size', async () => {
    for (const limit of [1, 4, 7, COUNT, 100]) {
      expect(await listAll({ limit: String(limit) }), String(limit)).toEqual(all.map(({ id }) => id))
    }
  })

  it('has only notes that changed at updatedSince or later', async () => {
    const instants = all.flatMap(({ updatedAt }) => {
      const time = Date.parse(updatedAt)
      return [time - 1, time, time + 1]
    })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...instants), fc.integer({ min: 1, max: 10 }), async (time, limit) => {
        const updatedSince = new Date(time).toISOString()
        const expected = all.filter(note => note.updatedAt >= updatedSince).map(({ id }) => id)
        expect(await listAll({ updatedSince, limit: String(limit) })).toEqual(expected)
      }),
      { numRuns: 20 },
    )
  })

  it.each(['yesterday', '2026-02-30T12:00:00.000Z', '2026-01-31', '2026-01-31T12:00:60.000Z'])(
    'refuses %s as an instant',
    async updatedSince => {
      expect((await list({ updatedSince })).statusCode).toBe(400)
    },
  )

  it('refuses cursors of other lists, and invalid cursors', async () => {
    const id = crypto.randomUUID()
    const key = new Date(0).toISOString()
    await service.logIn(owner.email)
    const sessions = await asOwner('GET', '/api/v1/auth/sessions?limit=1')
    const wrong = [
      sessions.json().nextCursor,
      encodeCursor({ sort: '-createdAt', key, id }),
      encodeCursor({ sort: 'notes:-createdAt', key: 'x', id }),
      'AAAA',
    ]
    for (const cursor of wrong) expect((await list({ cursor })).json().code, cursor).toBe('INVALID_CURSOR')
  })
})
