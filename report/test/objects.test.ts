/** Tests of the objects that the report creates for their owners, and of how it finds what routes are for. */
import { expect, it } from 'vitest'
import { NotVerified } from '../errors.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Actor, Actors } from '../security/actors.ts'
import { createApi } from '../service/api.ts'
import { createObjects } from '../service/objects.ts'
import { findRoles } from '../service/roles.ts'

const text = { type: 'string' }
const object = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map(name => [name, text])),
  required: names,
})

function route(method: string, url: string, body?: unknown, guard?: string): ObservedRoute {
  return {
    method,
    url,
    guard,
    summary: undefined,
    security: [],
    handler: '',
    place: undefined,
    statuses: [],
    readsBody: body !== undefined,
    isHidden: false,
    schemas: body === undefined ? {} : { body },
  }
}

/** An actor whose requests get these responses, by method and path. */
function actorOf(replies: Record<string, { status: number; json: unknown }>) {
  const sent: [string, string, { body?: unknown }][] = []
  const client = {
    call: async (method: string, path: string, options: { body?: unknown }) => {
      sent.push([method, path, options])
      return replies[`${method} ${path}`] ?? { status: 404, json: {} }
    },
  }
  const actor = { id: 'u1', email: 'a@example.com', password: 'secret', accessToken: 't', refreshToken: 'r' }
  return { sent, owner: { ...actor, client } as unknown as Actor }
}

function objectsOf(routes: ObservedRoute[], parameters = {}) {
  const api = createApi(routes, { parameters })
  return createObjects(routes, api, {
    logIn: async () => ({}),
    newClient: () => undefined,
  } as unknown as Actors)
}

it('makes a new object where the collection has a route for that', async () => {
  const update = route('PUT', '/notes/:id', object('title'), 'JWT + Owner')
  const { sent, owner } = actorOf({ 'POST /notes': { status: 201, json: { note: { id: 'n1' } } } })
  const objects = objectsOf([route('POST', '/notes', object('title'), 'JWT'), update])
  expect(await objects.ownPath(update, owner)).toBe('/notes/n1')
  expect(sent[0]?.[2].body).toEqual({ title: 'report' })
})

it('makes the objects that a body refers to, and those on the way to a nested one', async () => {
  const routes = [
    route('POST', '/folders', object('name'), 'JWT'),
    route('POST', '/folders/:folderId/files', object('title', 'tagId'), 'JWT'),
    route('POST', '/tags', object('name'), 'JWT'),
    route('GET', '/folders/:folderId/files/:id', undefined, 'JWT'),
  ]
  const { sent, owner } = actorOf({
    'POST /folders': { status: 201, json: { id: 'f1' } },
    'POST /tags': { status: 201, json: { id: 7 } },
    'POST /folders/f1/files': { status: 201, json: { id: 'x1' } },
  })
  const [, , , read] = routes
  if (!read) throw new Error('there is no route')
  expect(await objectsOf(routes).ownPath(read, owner)).toBe('/folders/f1/files/x1')
  expect(sent.at(-1)?.[2].body).toEqual({ title: 'report', tagId: '7' })
})

it('takes the own id for users, the own list where nothing creates, and the config before both', async () => {
  const routes = [
    route('GET', '/users/me', undefined, 'JWT'),
    route('GET', '/users/:id', undefined, 'JWT'),
    route('GET', '/orders', undefined, 'JWT'),
    route('GET', '/orders/:id', undefined, 'JWT'),
    route('GET', '/files/:name', undefined, 'JWT'),
  ]
  const [, user, , order, file] = routes
  if (!user || !order || !file) throw new Error('there is no route')
  const { owner } = actorOf({ 'GET /orders': { status: 200, json: { items: [{ id: 'o1' }] } } })
  expect(await objectsOf(routes).ownPath(user, owner)).toBe('/users/u1')
  expect(await objectsOf(routes).ownPath(order, owner)).toBe('/orders/o1')
  const given = objectsOf(routes, { '/files/:name': { name: 'a b.txt' } })
  expect(await given.ownPath(file, owner)).toBe('/files/a%20b.txt')
  await expect(objectsOf(routes).ownPath(file, owner)).rejects.toThrow(NotVerified)
})

it.each([
  ['/api/v1/auth/register', '/api/v1/auth/login', 'email'],
  ['/v2/sign-up', '/v2/sign-in', 'username'],
  ['/users', '/session', 'email'],
])('finds registration and login: %s, %s', (register, login, identity) => {
  const routes = [
    route('POST', login, object(identity, 'password')),
    route('POST', register, object(identity, 'password', 'age')),
  ]
  const found = findRoles(routes)
  expect(found.register?.url).toBe(register)
  expect(found.login?.url).toBe(login)
})
