/** Calls every route once without credentials: what is an endpoint at all, and whom it lets in. */
import { messageOf, ReportError } from './errors.ts'
import type { Answer, Http } from './http.ts'
import type { ObservedRoute, TraceEvent } from './observe/observation.ts'
import { hasBody, pathOf } from './security/routes.ts'

export type Surveyed = { route: ObservedRoute; answer: Answer; trace: TraceEvent[] }

/** As many at once as a browser would. */
const AT_ONCE = 6

/**
 * The endpoints of an app: its routes without the HEAD that Fastify adds to a GET, the routes for preflights, and those
 * that answer 405, which are there to refuse the methods that a path does not know.
 */
export async function surveyRoutes(http: Http, routes: readonly ObservedRoute[]): Promise<Surveyed[]> {
  const gets = new Set(routes.filter(({ method }) => method === 'GET').map(({ url }) => url))
  const candidates = routes.filter(
    ({ method, url }) => method !== 'OPTIONS' && !(method === 'HEAD' && gets.has(url)),
  )
  const surveyed: Surveyed[] = []
  for (let first = 0; first < candidates.length; first += AT_ONCE) {
    const some = candidates.slice(first, first + AT_ONCE)
    surveyed.push(...(await Promise.all(some.map(route => callAnonymously(http, route)))))
  }
  return surveyed.filter(({ answer }) => answer.status !== 405)
}

async function callAnonymously(http: Http, route: ObservedRoute): Promise<Surveyed> {
  const call = {
    sent: 'no credentials',
    // A QUERY without content has no meaning: Fastify refuses it before any hook or handler has seen it.
    ...((route.method === 'QUERY' || (hasBody(route.method) && route.schemas.body !== undefined)) && {
      body: {},
    }),
  }
  const answer = await http
    .client()
    .call(route.method, pathOf(route), call)
    .catch(error => {
      throw new ReportError(`${route.method} ${route.url} brings no answer: ${messageOf(error)}`)
    })
  return { route, answer, trace: await http.trace(answer.traceId) }
}
