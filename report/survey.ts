/** Calls every route once without credentials: finds the endpoints of the app and what they respond. */
import { RunError } from '../harness/errors.ts'
import { messageOf } from './errors.ts'
import type { Http, HttpResponse } from './http.ts'
import type { ObservedRoute, TraceEvent } from './observe/observation.ts'
import { hasBody, pathOf } from './routes.ts'

export type Surveyed = { route: ObservedRoute; response: HttpResponse; trace: TraceEvent[] }

/** As many requests at once as a browser sends. */
const CONCURRENCY = 6

/**
 * Returns the endpoints of an app. Not among them are the HEAD routes that Fastify adds to GET routes, the routes for
 * preflights, and the routes that exist to respond 405 to unknown methods.
 */
export async function surveyRoutes(http: Http, routes: readonly ObservedRoute[]): Promise<Surveyed[]> {
  const gets = new Set(routes.filter(({ method }) => method === 'GET').map(({ url }) => url))
  const candidates = routes.filter(
    ({ method, url }) => method !== 'OPTIONS' && !(method === 'HEAD' && gets.has(url)),
  )
  const surveyed: Surveyed[] = []
  for (let first = 0; first < candidates.length; first += CONCURRENCY) {
    const some = candidates.slice(first, first + CONCURRENCY)
    surveyed.push(...(await Promise.all(some.map(route => callAnonymously(http, route)))))
  }
  return surveyed.filter(({ response }) => response.status !== 405)
}

async function callAnonymously(http: Http, route: ObservedRoute): Promise<Surveyed> {
  const { method, url, schemas } = route
  // Fastify refuses a QUERY without content before any hook or handler runs.
  const needsBody = method === 'QUERY' || (hasBody(method) && schemas.body !== undefined)
  const response = await http
    .client()
    .call(method, pathOf(route), { sent: 'no credentials', ...(needsBody && { body: {} }) })
    .catch(error => {
      throw new RunError(`${method} ${url} has no response: ${messageOf(error)}`)
    })
  return { route, response, trace: await http.trace(response.traceId) }
}
