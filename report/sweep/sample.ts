/** What the sweep records: one request to the service, who sent it, what was wrong with it, and the response. */
import type { Call, HttpResponse } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'

/** Who sends a request. A holder has what a route asks for in place of an account: a metrics token, a refresh token. */
export type ActorName = 'anonymous' | 'user' | 'owner' | 'stranger' | 'admin' | 'holder'

/** What is wrong with a request: nothing, its credentials, its rights, a part of its content, its method, path or number, what is there already, or its form. An edge is valid. */
export type Kind =
  | 'honest'
  | 'credentials'
  | 'rights'
  | 'body'
  | 'path'
  | 'query'
  | 'header'
  | 'method'
  | 'spelling'
  | 'limit'
  | 'conflict'
  | 'edge'
  | 'parser'

export type Sample = {
  /** The route that the request is for; undefined where no route has this path and method. */
  route: ObservedRoute | undefined
  method: string
  path: string
  actor: ActorName
  kind: Kind
  response: HttpResponse
  /** Sends the same request anew, with further headers. Objects and accounts that it uses up are made anew. */
  again: (headers?: Record<string, string>) => Promise<HttpResponse>
}

/** A request before it is sent. */
export type Outgoing = Omit<Call, 'retry'> & { method: string; path: string }

/** The breadth of a set of samples, as the report shows it. */
export type Scope = {
  routes: number
  requests: number
  methods: string[]
  statuses: number[]
  actors: ActorName[]
}

/** Returns how many routes, methods, statuses and actors the samples cover. */
export function scopeOf(samples: readonly Sample[]): Scope {
  const distinct = <Value>(values: Value[]) => [...new Set(values)].sort()
  return {
    routes: new Set(samples.flatMap(({ route }) => (route ? [`${route.method} ${route.url}`] : []))).size,
    requests: samples.length,
    methods: distinct(samples.map(({ method }) => method)),
    statuses: distinct(samples.map(({ response }) => response.status)),
    actors: distinct(samples.map(({ actor }) => actor)),
  }
}
