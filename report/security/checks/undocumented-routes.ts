/** The security check of undocumented routes: each route is in the API description, or left out for a known reason. */
import type { Client } from '../../http.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { isPublic, pathOf } from '../../routes.ts'
import type { CheckContext, HttpCheck } from '../check.ts'

/** The pages and files that describe the API, and what browsers and crawlers ask every site for. */
const KNOWN_HIDDEN =
  /(^|\/)(docs?|documentation|openapi|swagger|reference|scalar|api-docs)(\/|\.|$)|\/(favicon\.ico|robots\.txt)$|^\/\.well-known\//i

/** A path that shows the inside of a process. */
const INTERNAL = /(^|\/)(debug|internal|env|config|settings|actuator|heap\w*|trace|_\w+)(\/|$)/i

/** Names of settings whose values are in many responses. */
const MIN_VALUE_LENGTH = 8

export const undocumentedRoutes: HttpCheck = {
  id: 'undocumented-routes',
  rank: 395,
  claim: 'Every route in the API description, and none that shows settings ({count} routes)',
  source: 'OWASP API9:2023, ASVS 5.0 §13.4.5',
  needs: 'http',
  async run(context) {
    const { expect, routes, http, subject, sweep } = context
    const client = http.client()
    const described = await describedPaths(context, client)
    const unknown = routes.filter(route => !isKnown(route, described))
    const names = unknown.map(({ method, url }) => `${method} ${url}`).sort()
    expect.fact('routes without a description', names.join(', ') || 'none', 'none', names.length === 0)
    const values = subject.secrets.filter(value => value.length >= MIN_VALUE_LENGTH)
    const { samples } = await sweep()
    const showing = new Set<string>()
    for (const { route, response } of samples) {
      const isShown = values.some(
        value => response.text.includes(value) || response.text.includes(escaped(value)),
      )
      if (route && isShown) showing.add(`${route.method} ${route.url}`)
    }
    const shown = [...showing].sort().join(', ')
    expect.fact('routes that show a setting', shown || 'none', 'none', shown === '')
    return { count: String(routes.length) }
  },
}

/** A value as a JSON text has it. */
function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}

/** Returns the operations of the description that the service serves; undefined where it serves none. */
async function describedPaths({ api }: CheckContext, client: Client): Promise<Set<string> | undefined> {
  const { description } = api.found
  if (!description || !isPublic(description)) return undefined
  const { json } = await client.call('GET', pathOf(description))
  const paths = Object.entries((json.paths ?? {}) as Record<string, Record<string, unknown>>)
  if (paths.length === 0) return undefined
  return new Set(
    paths.flatMap(([path, operations]) =>
      Object.keys(operations).map(method => `${method.toUpperCase()} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`),
    ),
  )
}

/** Without a description that is served, a route's own summary or responses stand for one. */
function isKnown(route: ObservedRoute, described: Set<string> | undefined): boolean {
  const { method, url, summary, statuses, isHidden } = route
  if (KNOWN_HIDDEN.test(url)) return true
  if (isPublic(route) && INTERNAL.test(url)) return false
  if (isHidden) return !isPublic(route)
  const operation = `${method} ${url.replaceAll(/:\w+(\([^)]*\))?\??/g, '{}')}`
  const isDescribed = described ? described.has(operation) : true
  return isDescribed && (summary !== undefined || statuses.length > 0)
}
