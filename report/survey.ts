/** Calls every route once without credentials: finds the endpoints of the app and what they respond. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RunError } from '../harness/errors.ts'
import { messageOf, NotVerified } from './errors.ts'
import type { Http, HttpResponse } from './http.ts'
import type { ObservedRoute, TraceEvent } from './observe/observation.ts'
import { hasBody, isPublic, pathOf, takesBody } from './routes.ts'

/** `response` is undefined where there is none. Then `why` is the reason. */
export type Surveyed = {
  route: ObservedRoute
  response: HttpResponse | undefined
  why?: string
  trace: TraceEvent[]
}

/** As many requests at once as a browser sends. */
const CONCURRENCY = 6
/** A route that takes longer would hold up every check. It is a row, and no check asks it. */
const TIMEOUT_MS = 5000

/**
 * Returns the endpoints of an app. Not among them are the HEAD routes beside GET routes, the routes for preflights, the
 * files of documentation pages, and the routes that exist to respond 405 to unknown methods. With `observesGuards`, a
 * route that declares no guard and refuses has a guard of that name.
 */
export async function surveyRoutes(
  http: Http,
  routes: readonly ObservedRoute[],
  observesGuards = true,
): Promise<Surveyed[]> {
  const candidates = endpointsOf(routes)
  const surveyed: Surveyed[] = []
  for (let first = 0; first < candidates.length; first += CONCURRENCY) {
    const some = candidates.slice(first, first + CONCURRENCY)
    surveyed.push(...(await Promise.all(some.map(route => callAnonymously(http, route, observesGuards)))))
  }
  return surveyed.filter(({ response }) => response?.status !== 405)
}

/** Returns whether checks can ask the route: its response came, and ended. */
export function responds({ response, why }: Surveyed): boolean {
  return response ? response.hasEnded : why !== NO_RESPONSE
}

const NO_RESPONSE = `no response within ${TIMEOUT_MS / 1000} s`

/** Packages that serve a page with its files. The page and the description of the API are endpoints, the files are not. */
const PAGE_PACKAGES =
  /^node_modules\/(@fastify\/swagger-ui|@scalar\/fastify-api-reference|@fastify\/static)\//
const PAGE_FILE = /\/static\/|\/(uiConfig|initOAuth)$|\.(m?js|css|map|png|ico|svg|html|woff2?|ttf)$/

function endpointsOf(routes: readonly ObservedRoute[]): ObservedRoute[] {
  const known = new Set<string>()
  const gets = new Set(routes.flatMap(({ method, url }) => (method === 'GET' ? [withoutSlash(url)] : [])))
  return routes.filter(({ method, url, place }) => {
    if (method === 'OPTIONS' || (PAGE_PACKAGES.test(place?.file ?? '') && PAGE_FILE.test(url))) return false
    // One row for the versions of a route, and for its path with and without a slash at the end.
    const key = `${method} ${withoutSlash(url)}`
    const isBesideGet = method === 'HEAD' && gets.has(withoutSlash(url))
    if (isBesideGet || known.has(key)) return false
    known.add(key)
    return true
  })
}

function withoutSlash(url: string): string {
  return url.replace(/(?<=.)\/$/, '')
}

async function callAnonymously(http: Http, route: ObservedRoute, observesGuards: boolean): Promise<Surveyed> {
  const { method, url } = route
  // Fastify refuses a QUERY without content before any hook or handler runs.
  const needsBody = method === 'QUERY' || takesBody(route)
  const options = { sent: 'no credentials', timeoutMs: TIMEOUT_MS, ...(needsBody && { body: {} }) }
  try {
    const response = await http.client().call(method, pathOf(route), options)
    const trace = await http.trace(response.traceId)
    return { route: observesGuards ? withObservedGuard(route, response, trace) : route, response, trace }
  } catch (error) {
    if (error instanceof NotVerified) return { route, response: undefined, why: error.message, trace: [] }
    if (error instanceof RunError) throw error
    await throwIfEnded(http, `${method} ${url}`)
    return { route, response: undefined, why: `no response: ${messageOf(error)}`, trace: [] }
  }
}

/** A process that ends closes its connections first, and its channel a moment later. */
const END_DELAY_MS = 200

/** Throws a RunError where the app has ended: then the other routes have no response either. */
async function throwIfEnded(http: Http, request: string): Promise<void> {
  await sleep(END_DELAY_MS)
  await http.trace('none').catch(error => {
    throw new RunError(`the app ended during ${request}: ${messageOf(error)}`)
  })
}

/**
 * Returns the route with the guard that was seen at work, where it declares none: a hook has refused the request. A
 * handler that refuses an empty body may be a login as well as a guarded route.
 */
function withObservedGuard(route: ObservedRoute, response: HttpResponse, trace: readonly TraceEvent[]) {
  const { status } = response
  const isHandled = trace.some(({ at }) => at === 'handler')
  const isRefused = status === 401 || status === 403 || (isLoginRedirect(response) && !isHandled)
  if (!isPublic(route) || !isRefused || (isHandled && hasBody(route.method))) return route
  return { ...route, guard: `Guarded (${status})` }
}

function isLoginRedirect({ status, headers: { location = '' } }: HttpResponse): boolean {
  return [302, 303, 307].includes(status) && /log-?in|sign-?in|auth/i.test(location)
}
