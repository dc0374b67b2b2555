/** Turns observed routes into requests: which are the app's own, and what a request to one looks like. */
import type { ObservedRoute } from '../observe/observation.ts'
import { NotVerified } from './probe.ts'

/** An id that nobody has. */
export const ABSENT = '00000000-0000-4000-8000-000000000000'

/** A path of the route, its parameters filled in. */
export function pathOf({ url }: Pick<ObservedRoute, 'url'>, fill = ABSENT): string {
  return url.replaceAll(/:\w+(\([^)]*\))?\??/g, fill).replace('*', 'report')
}

/** A GET that everybody may call, without parameters; the plainest one there is. */
export function publicRead(routes: readonly ObservedRoute[]): ObservedRoute | undefined {
  const open = routes.filter(
    ({ method, guard, security, url }) =>
      method === 'GET' && guard === undefined && security.length === 0 && !/[:*]/.test(url),
  )
  return open.toSorted((a, b) => a.url.length - b.url.length)[0]
}

/** A POST that everybody may call. Throws NotVerified where there is none. */
export function publicPost(routes: readonly ObservedRoute[]): ObservedRoute {
  const route = routes.find(
    ({ method, guard, security }) => method === 'POST' && !guard && security.length === 0,
  )
  if (!route) throw new NotVerified('there is no public route that takes a body')
  return route
}

/** Whether requests with this method carry a body. */
export function hasBody(method: string): boolean {
  return ['POST', 'PUT', 'PATCH'].includes(method)
}

/** The names of the properties of a JSON Schema that take text. */
export function textProperties(schema: unknown): string[] {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { type?: string }> }
  return Object.entries(properties)
    .filter(([, { type }]) => type === undefined || type === 'string')
    .map(([name]) => name)
}
