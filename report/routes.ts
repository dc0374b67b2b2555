/** Turns observed routes into requests: paths, bodies, and the routes that a check can use. */
import { NotVerified } from './errors.ts'
import type { ObservedRoute } from './observe/observation.ts'

/** An id that no object has. */
export const ABSENT_ID = '00000000-0000-4000-8000-000000000000'

/** Returns a path of the route with `fill` for each parameter. */
export function pathOf({ url }: Pick<ObservedRoute, 'url'>, fill = ABSENT_ID): string {
  return url.replaceAll(/:\w+(\([^)]*\))?\??/g, fill).replace('*', 'report')
}

const PARAMETER = /:(\w+)(\([^)]*\))?\??/g

/** Returns the names of the parameters of a route's path. */
export function parametersOf({ url }: Pick<ObservedRoute, 'url'>): string[] {
  return [...url.matchAll(PARAMETER)].map(([, name = '']) => name)
}

/** Returns a path with the value of each parameter; an id that no object has where `idOf` returns none. */
export function fillPath(url: string, idOf: (name: string) => string | undefined): string {
  return url
    .replaceAll(PARAMETER, (_all, name: string) => encodeURIComponent(idOf(name) ?? ABSENT_ID))
    .replace('*', 'report')
}

/** Returns whether the route needs no credentials. */
export function isPublic({ guard, security }: Pick<ObservedRoute, 'guard' | 'security'>): boolean {
  return guard === undefined && security.length === 0
}

/** Returns whether the route needs an access token, alone or with more. */
export function needsToken({ guard }: Pick<ObservedRoute, 'guard'>): boolean {
  return guard?.startsWith('JWT') === true
}

/** Returns whether only the owner of the object may use the route. */
export function needsOwner({ guard }: Pick<ObservedRoute, 'guard'>): boolean {
  return guard !== undefined && /\bowner\b/i.test(guard)
}

/** Returns whether only admins may use the route. */
export function needsAdmin({ guard }: Pick<ObservedRoute, 'guard'>): boolean {
  return guard !== undefined && /\badmin\b/i.test(guard)
}

/** Returns the public GET route with the shortest path that has no parameters. */
export function publicRead(routes: readonly ObservedRoute[]): ObservedRoute | undefined {
  const open = routes.filter(route => route.method === 'GET' && isPublic(route) && !/[:*]/.test(route.url))
  return open.toSorted((a, b) => a.url.length - b.url.length)[0]
}

/** Returns a public POST route. Throws NotVerified where there is none. */
export function publicPost(routes: readonly ObservedRoute[]): ObservedRoute {
  const route = routes.find(candidate => candidate.method === 'POST' && isPublic(candidate))
  if (!route) throw new NotVerified('there is no public route that takes a body')
  return route
}

/** Returns whether requests with this method carry a body. */
export function hasBody(method: string): boolean {
  return ['POST', 'PUT', 'PATCH'].includes(method)
}

/** Returns whether the route describes the body that its requests carry. */
export function takesBody({ method, schemas }: Pick<ObservedRoute, 'method' | 'schemas'>): boolean {
  return hasBody(method) && schemas.body !== undefined
}

/** Returns a path with more parameters in its query. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}
