/** Routes that the base does not have, with a scenario for the bench where a plain GET can be measured. */
import type { Context } from '../context.ts'
import { messageOf } from '../errors.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { isPublic, needsAdmin, needsOwner, needsToken } from '../routes.ts'

/** A scenario of the bench, as its files have it. */
export type GeneratedScenario = {
  name: string
  endpoints: { name: string; method: string; path: string; headers?: Record<string, string> }[]
}

/** A new route, with its scenario or the reason why it has none. */
export type NewRoute = Pick<ObservedRoute, 'method' | 'url'> &
  ({ scenario: GeneratedScenario } | { why: string })

type Caller = { token?: string; headers?: Record<string, string> }

/** Returns the routes of the running head that are not in `base`. Calls those that can be called without an object. */
export async function findNewRoutes(
  context: Pick<Context, 'http' | 'service' | 'routes'>,
  base: readonly Pick<ObservedRoute, 'method' | 'url'>[],
): Promise<NewRoute[]> {
  const known = new Set(base.map(nameOf))
  const added = context.routes.filter(route => !known.has(nameOf(route)))
  return Promise.all(
    added.map(async route => {
      const { method, url } = route
      return {
        method,
        url,
        ...(await scenarioOf(route, context).catch(error => ({ why: messageOf(error) }))),
      }
    }),
  )
}

function nameOf({ method, url }: Pick<ObservedRoute, 'method' | 'url'>): string {
  return `${method} ${url}`
}

async function scenarioOf(route: ObservedRoute, context: Pick<Context, 'http' | 'service'>) {
  const { method } = route
  if (method !== 'GET') return { why: 'it has no scenario, and without one only a GET is measured' }
  const path = pathWithExamples(route)
  if (path === undefined) return { why: 'it has no scenario, and a required parameter has no example' }
  const caller = await callerOf(route, context)
  if (caller === undefined) return { why: 'it has no scenario, and the bench has no credentials for it' }
  const { token, headers } = caller
  const response = await context.http.client().call(method, path, token === undefined ? {} : { token })
  if (response.status < 200 || response.status > 299) {
    return { why: `it has no scenario, and a plain request gets ${response.status}` }
  }
  const endpoint = { name: nameOf(route), method, path, ...(headers && { headers }) }
  return { scenario: { name: scenarioName(route), endpoints: [endpoint] } }
}

/** The names of scenarios have small letters, digits and dashes. */
function scenarioName({ method, url }: ObservedRoute): string {
  return `new-${method}-${url}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}

/** Returns the credentials of the report for a request, and the placeholder of the bench for the same credentials. */
async function callerOf(
  route: ObservedRoute,
  { service }: Pick<Context, 'service'>,
): Promise<Caller | undefined> {
  if (isPublic(route)) return {}
  if (!service || !needsToken(route) || needsOwner(route)) return undefined
  const [actor, rows] = needsAdmin(route)
    ? [await service.actors.admin(), 'admins']
    : [await service.actors.user(), 'session']
  return { token: actor.accessToken, headers: { authorization: `Bearer {{${rows}.accessToken}}` } }
}

type Schema = {
  properties?: Record<string, Schema>
  required?: string[]
  default?: unknown
  example?: unknown
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
}

/** Returns the path with examples of its required parameters; undefined where one has none. */
function pathWithExamples({ url, schemas }: ObservedRoute): string | undefined {
  if (url.includes('*')) return undefined
  let isComplete = true
  const exampleOf = (schema: Schema | undefined): string => {
    const value = [
      schema?.const,
      schema?.example,
      schema?.examples?.[0],
      schema?.default,
      schema?.enum?.[0],
    ].find(example => typeof example === 'string' || typeof example === 'number')
    if (value === undefined) isComplete = false
    return encodeURIComponent(String(value))
  }
  const params = (schemas.params ?? {}) as Schema
  const path = url.replaceAll(/:(\w+)(\([^)]*\))?\??/g, (_all, name: string) =>
    exampleOf(params.properties?.[name]),
  )
  const query = (schemas.querystring ?? {}) as Schema
  const pairs = (query.required ?? []).map(name => `${name}=${exampleOf(query.properties?.[name])}`)
  return isComplete ? [path, pairs.join('&')].filter(Boolean).join('?') : undefined
}
