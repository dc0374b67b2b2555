/** Compares the error statuses that each endpoint documents with those that were received. */

import type { Row } from '../document/document.ts'
import type { Statuses } from '../document/supplement.ts'
import { escapePattern } from '../escape-pattern.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Surveyed } from '../survey.ts'

type OpenApi = { paths?: Record<string, Record<string, { responses?: Record<string, unknown> }>> }
type Endpoint = Pick<ObservedRoute, 'method' | 'url' | 'statuses'>

const FIRST_ERROR = 400

/** Returns the statuses of each endpoint. The OpenAPI document is the response of the app that is one. */
export function collectStatuses(
  surveyed: readonly Pick<Surveyed, 'route' | 'response'>[],
  sections: readonly (readonly Row[])[],
): Statuses[] {
  const document = surveyed.map(({ response }) => response?.json ?? {}).find(json => 'openapi' in json) ?? {}
  const routes = surveyed.map(({ route }) => route)
  const seen = seenStatuses(routes, sections)
  return routes
    .map(route => ({
      endpoint: nameOf(route),
      documented: sorted([...route.statuses, ...statusesIn(document, route)]),
      seen: sorted(seen.get(nameOf(route)) ?? []),
    }))
    .toSorted((a, b) => (pathOfEndpoint(a.endpoint) < pathOfEndpoint(b.endpoint) ? -1 : 1))
}

function nameOf({ method, url }: Endpoint): string {
  return `${method} ${url}`
}

function pathOfEndpoint(endpoint: string): string {
  return endpoint.slice(endpoint.indexOf(' ') + 1)
}

function statusesIn({ paths }: OpenApi, { method, url }: Endpoint): number[] {
  const path = url.replaceAll(/:(\w+)(\([^)]*\))?\??/g, '{$1}')
  const responses = paths?.[path]?.[method.toLowerCase()]?.responses ?? {}
  return Object.keys(responses).map(Number).filter(Number.isInteger)
}

function sorted(statuses: Iterable<number>): number[] {
  return [...new Set(statuses)].filter(status => status >= FIRST_ERROR).sort((a, b) => a - b)
}

/** A request of the evidence belongs to the endpoint that it matches with the fewest parameters. */
function seenStatuses(routes: readonly Endpoint[], sections: readonly (readonly Row[])[]) {
  const patterns = routes
    .toSorted((a, b) => wildcards(a.url) - wildcards(b.url))
    .map(route => ({ name: nameOf(route), pattern: patternOf(route) }))
  const endpoints = new Map<string, string | undefined>()
  const seen = new Map<string, Set<number>>()
  for (const { request, status } of exchangesOf(sections)) {
    if (!endpoints.has(request)) {
      endpoints.set(request, patterns.find(({ pattern }) => pattern.test(request))?.name)
    }
    const name = endpoints.get(request)
    if (name !== undefined) seen.set(name, (seen.get(name) ?? new Set()).add(status))
  }
  return seen
}

function exchangesOf(sections: readonly (readonly Row[])[]) {
  return sections.flatMap(rows =>
    rows.flatMap(({ evidence }) => evidence.filter(item => item.kind === 'exchange')),
  )
}

function wildcards(url: string): number {
  return url.split(/[:*]/).length
}

function patternOf({ method, url }: Endpoint): RegExp {
  const parts = url.split(/(:\w+(?:\([^)]*\))?\??|\*)/)
  const path = parts.map(part =>
    part === '*' ? '.*' : part.startsWith(':') ? '[^/?]+' : escapePattern(part),
  )
  return new RegExp(`^${escapePattern(method)} ${path.join('')}(?:\\?.*)?$`)
}
