/** Creates the objects that guarded routes ask for, from the description of the routes alone. */
import { exampleBody } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { pathOf } from '../routes.ts'
import type { Actor } from './actors.ts'

/**
 * Returns a path of `route` that belongs to `owner`. Where a collection has a POST route, as `POST /notes` for
 * `/notes/:id`, the owner creates an object with it. In all other paths the parameter is the owner's own id.
 */
export async function ownedPath(
  routes: readonly ObservedRoute[],
  route: ObservedRoute,
  owner: Actor,
): Promise<string> {
  const [collection = ''] = route.url.split('/:', 1)
  if (collection === route.url) return pathOf(route)
  return pathOf(route, (await createObject(routes, collection, owner)) ?? owner.id)
}

/** Returns the id of a new object of a collection; undefined where it has no POST route, or this refuses its example. */
export async function createObject(
  routes: readonly ObservedRoute[],
  collection: string,
  { client, accessToken: token }: Actor,
): Promise<string | undefined> {
  const route = routes.find(({ method, url }) => method === 'POST' && url === collection)
  if (!route) return undefined
  const body = route.schemas.body === undefined ? {} : { body: exampleBody(route) }
  const { json } = await client.call('POST', collection, { sent: 'an object of its own', token, ...body })
  return findId(json)
}

/** The response is the object itself, or holds it under a name. */
function findId(json: Record<string, unknown>): string | undefined {
  const candidates = [json, ...Object.values(json)]
  for (const candidate of candidates) {
    const { id } = (candidate ?? {}) as { id?: unknown }
    if (typeof id === 'string') return id
  }
  return undefined
}
