/** Profiles: who sees and who changes them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../helpers/app.ts'
import { auditOf, claimsOf } from '../../helpers/tokens.ts'

let service: TestApp
let owner: Awaited<ReturnType<TestApp['signUp']>>
let stranger: typeof owner
let admin: typeof owner

beforeAll(async () => {
  service = await createTestApp()
  owner = await service.signUp()
  stranger = await service.signUp()
  const promoted = await service.signUp()
  await service.database.query("update users set role = 'admin' where id = $1", [promoted.id])
  admin = { ...promoted, ...(await service.logIn(promoted.email)) }
})
afterAll(() => service.close())

const view = (id: string, { accessToken }: { accessToken: string }) =>
  service.call('GET', `/api/v1/users/${id}`, { token: accessToken })
const put = (id: string, { accessToken }: { accessToken: string }, body: unknown) =>
  service.call('PUT', `/api/v1/users/${id}`, { token: accessToken, body })

describe('a profile', () => {
  const all = ['createdAt', 'displayName', 'email', 'id', 'role', 'updatedAt']

  it('is complete for its owner and for admins, and reduced to its public part for others', async () => {
    const own = (await view(owner.id, owner)).json()
    expect(Object.keys(own).sort()).toEqual(all)
    expect(own).toMatchObject({ id: owner.id, email: owner.email, role: 'user' })
    expect((await view(owner.id, admin)).json()).toEqual(own)
    expect((await service.call('GET', '/api/v1/users/me', { token: owner.accessToken })).json()).toEqual(own)

    const { id, displayName, createdAt } = own
    expect((await view(owner.id, stranger)).json()).toEqual({ id, displayName, createdAt })
  })

  it('shows each caller only what it may see, also when lookups share a statement', async () => {
    const queries = async () =>
      (await service.app.metrics.registry.getSingleMetric('db_queries_total')?.get())?.values[0]?.value ?? 0
    const holder = await service.database.connect()
    await holder.query('begin; lock table users in access exclusive mode')
    const before = await queries()
    // The first lookup waits for the lock, and the others wait for the first.
    const viewers = [stranger, owner, stranger, admin, owner, stranger, admin]
    const responses = Promise.all([
      ...viewers.map(viewer => view(owner.id, viewer)),
      view(crypto.randomUUID(), stranger),
    ])
    await expect.poll(queries, { interval: 5 }).toBeGreaterThan(before)
    await holder.query('rollback')
    holder.release()
    const fields = (await responses).map(response => Object.keys(response.json()).length)
    expect(fields.slice(0, -1)).toEqual(viewers.map(viewer => (viewer === stranger ? 3 : all.length)))
    expect((await responses).at(-1)?.statusCode).toBe(404)
    expect((await queries()) - before).toBeLessThan(viewers.length)
  })

  it('is found by its id in either case', async () => {
    expect((await view(owner.id.toUpperCase(), owner)).json()).toEqual((await view(owner.id, owner)).json())
    expect(Object.keys((await view(owner.id.toUpperCase(), stranger)).json())).toHaveLength(3)
  })

  it('returns 404 for an unknown id and 400 for an invalid one', async () => {
    expect((await view(crypto.randomUUID(), owner)).json().code).toBe('NOT_FOUND')
    for (const id of ['1', 'me2', `urn:uuid:${owner.id}`, `${owner.id}0`, `{${owner.id}}`]) {
      expect((await view(id, owner)).statusCode, id).toBe(400)
    }
  })
})

describe('an update', () => {
  it('changes name and address, and is recorded', async () => {
    const user = await service.signUp()
    const before = (await view(user.id, user)).json()
    const changes = { displayName: 'Grace Hopper', email: 'Grace.Hopper@Example.com' }
    const response = await put(user.id, user, changes)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({ ...before, ...changes, updatedAt: expect.any(String) })
    expect(Date.parse(response.json().updatedAt)).toBeGreaterThan(Date.parse(before.updatedAt))
    expect((await view(user.id, user)).json()).toEqual(response.json())
    expect((await auditOf(service.database, user.id)).at(-1)).toMatchObject({
      type: 'user.updated',
      actor_id: user.id,
      session_id: claimsOf(user.accessToken).sid,
    })
    // The new address logs in, in any case; the old one does not.
    await service.logIn('grace.hopper@EXAMPLE.com')
    await expect(service.logIn(user.email)).rejects.toThrow('401')
  })

  it('is refused for the address of another account, in any case', async () => {
    const before = (await view(owner.id, owner)).json()
    for (const email of [stranger.email, stranger.email.toUpperCase()]) {
      const response = await put(owner.id, owner, { displayName: 'x', email })
      expect([response.statusCode, response.json().code]).toEqual([409, 'EMAIL_TAKEN'])
      expect(response.body).not.toContain(stranger.email)
    }
    expect((await view(owner.id, owner)).json()).toEqual(before)
  })

  it('may change the case of the own address', async () => {
    const user = await service.signUp()
    const response = await put(user.id, user, { displayName: 'x', email: user.email.toUpperCase() })
    expect([response.statusCode, response.json().email]).toEqual([200, user.email.toUpperCase()])
  })

  it('succeeds for one of 20 users who want the same address at once', async () => {
    const users = []
    for (let index = 0; index < 20; index += 1) users.push(await service.signUp())
    const email = 'wanted@example.com'
    const responses = await Promise.all(users.map(user => put(user.id, user, { displayName: 'x', email })))
    expect(responses.map(response => response.statusCode).sort()).toEqual([200, ...Array(19).fill(409)])
  })

  it('is refused in the same way for another user, an unknown id and an invalid one, also to an admin', async () => {
    const body = { displayName: 'Mallory', email: 'mallory@example.com' }
    const ids = [owner.id, crypto.randomUUID(), 'x', `${stranger.id}x`]
    for (const [caller, id] of [stranger, admin].flatMap(who => ids.map(target => [who, target] as const))) {
      const { instance, requestId, ...problem } = (await put(id, caller, body)).json()
      expect(instance).toBe(`/api/v1/users/${id}`)
      expect(requestId).toEqual(expect.any(String))
      expect(problem).toMatchObject({ code: 'FORBIDDEN', status: 403 })
    }
    expect((await view(owner.id, owner)).json().email).toBe(owner.email)
  })

  it('takes the id in either case', async () => {
    const user = await service.signUp()
    const body = { displayName: 'x', email: user.email }
    expect((await put(user.id.toUpperCase(), user, body)).statusCode).toBe(200)
  })

  it('needs both fields in a valid form', async () => {
    const good = { displayName: 'Ada', email: 'ada.l@example.com' }
    const bad = [
      {},
      { displayName: 'Ada' },
      { email: good.email },
      { ...good, displayName: '' },
      { ...good, displayName: '   ' },
      { ...good, displayName: 'a\nb' },
      { ...good, displayName: 'x'.repeat(101) },
      { ...good, displayName: null },
      { ...good, email: null },
      { ...good, email: [good.email] },
      { ...good, email: 'ada' },
      { ...good, email: 'ada@-localhost' },
      { ...good, email: `${good.email}\u0000` },
      { ...good, email: `${'a'.repeat(65)}@example.com` },
      { ...good, email: `a@${'b'.repeat(250)}.com` },
      [good],
      null,
      'text',
    ]
    for (const body of bad) {
      const response = await service.app.inject({
        method: 'PUT',
        url: `/api/v1/users/${owner.id}`,
        headers: { authorization: `Bearer ${owner.accessToken}`, 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      })
      expect(response.statusCode, JSON.stringify(body)).toBe(400)
    }
  })
})
