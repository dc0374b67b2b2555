/** Creates the objects that paths ask for, as their owner and through the API: from the routes alone. */
import { NotVerified } from '../errors.ts'
import type { JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { ABSENT_ID, fillPath, parametersOf, takesBody } from '../routes.ts'
import type { Actor, Actors } from '../security/actors.ts'
import type { Api } from './api.ts'
import { findId } from './find-id.ts'

export type Objects = ReturnType<typeof createObjects>

/** How many objects deep a body may refer to others. */
const MAX_DEPTH = 3

export function createObjects(routes: readonly ObservedRoute[], api: Api, actors: Actors) {
  /** Returns a path of `route` whose objects belong to `owner`, made for this call. Throws NotVerified where one cannot be made. */
  async function ownPath(route: ObservedRoute, owner: Actor): Promise<string> {
    const ids: Record<string, string> = {}
    for (const name of parametersOf(route)) ids[name] = await ownId(route, name, ids, owner)
    return fillPath(route.url, name => ids[name])
  }

  async function ownId(route: ObservedRoute, name: string, ids: Record<string, string>, owner: Actor) {
    const given = api.config.parameters?.[route.url]?.[name]
    if (given !== undefined) return given
    const collection = route.url.slice(0, route.url.indexOf(`/:${name}`))
    const path = fillPath(collection, known => ids[known])
    if (collection === usersUrl()) return owner.id
    const created = await create(collection, owner, path)
    if (created !== undefined) return created
    const listed = await listId(collection, path, owner)
    if (listed !== undefined) return listed
    throw new NotVerified(
      `no object for ${route.url} could be made: report.config.ts can give its parameters`,
    )
  }

  /** Users are the objects of which `me` is one. */
  function usersUrl(): string | undefined {
    const me = api.found.me?.url
    return me?.slice(0, me.lastIndexOf('/'))
  }

  /** Returns the id of a new object of a collection; undefined where it has no POST route, or this refuses its example. */
  async function create(
    collection: string,
    owner: Actor,
    path = collection,
    depth = 0,
  ): Promise<string | undefined> {
    const route = routes.find(({ method, url }) => method === 'POST' && url === collection)
    if (!route) return undefined
    const body = route.schemas.body === undefined ? {} : { body: await bodyFor(route, owner, depth) }
    const { json, status } = await owner.client.call('POST', path, {
      sent: 'an object of its own',
      token: owner.accessToken,
      ...body,
    })
    return status < 300 ? findId(json) : undefined
  }

  /** Returns a valid body in which `noteId` and the like are ids of objects of the owner. */
  async function bodyFor(route: ObservedRoute, owner: Actor, depth = 0): Promise<Record<string, unknown>> {
    const references: Record<string, unknown> = {}
    const { required = [] } = (route.schemas.body ?? {}) as JsonSchema
    for (const name of depth < MAX_DEPTH ? required : []) {
      const [, stem] = /^(\w+?)_?Ids?$/i.exec(name) ?? []
      const collection = stem && routes.find(({ method, url }) => method === 'POST' && isNamed(url, stem))
      if (!collection) continue
      const id = await create(collection.url, owner, collection.url, depth + 1)
      if (id !== undefined) references[name] = /s$/i.test(name) ? [id] : id
    }
    return api.body(route, owner, references)
  }

  /** Returns an id that the owner's list shows. Sessions come from logins, so another login makes one. */
  async function listId(collection: string, path: string, owner: Actor): Promise<string | undefined> {
    const route = routes.find(({ method, url }) => method === 'GET' && url === collection)
    if (!route) return undefined
    // From an address of its own, so that no limit of logins applies.
    if (route === api.found.sessions) await actors.logIn({ ...owner, client: actors.newClient() })
    const { json } = await owner.client.call('GET', path, { sent: 'the own list', token: owner.accessToken })
    const items = itemsOf(json)
    const other = items.find(({ current }) => current === false) ?? items[0]
    return other && findId(other)
  }

  /** Returns a whole request that `caller` may send for objects of `owner`, who is the caller by default. */
  async function honest(route: ObservedRoute, caller: Actor, owner = caller) {
    const path = `${await ownPath(route, owner)}${queryOf(route)}`
    return { path, token: caller.accessToken, ...(takesBody(route) && { body: await bodyFor(route, owner) }) }
  }

  return { ownPath, create, bodyFor, honest }
}

/** Returns the items of a list's response: a list itself, or the first list in it. */
export function itemsOf(json: Record<string, unknown>): Record<string, unknown>[] {
  const list = [json, ...Object.values(json)].find(value => Array.isArray(value))
  return (list as Record<string, unknown>[] | undefined) ?? []
}

/** Returns the required parameters of the query with valid values, as text that begins with `?`; empty where none is. */
export function queryOf({ schemas }: Pick<ObservedRoute, 'schemas'>): string {
  const { properties = {}, required = [] } = (schemas.querystring ?? {}) as JsonSchema
  const pairs = required.map((name): [string, string] => [
    name,
    String(properties[name]?.examples?.[0] ?? properties[name]?.enum?.[0] ?? ABSENT_ID),
  ])
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

function isNamed(url: string, stem: string): boolean {
  const last = url.slice(url.lastIndexOf('/') + 1).toLowerCase()
  const name = stem.toLowerCase()
  return (
    last === name || last === `${name}s` || last === `${name}es` || last === `${name.replace(/y$/, 'ie')}s`
  )
}
