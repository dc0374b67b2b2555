/** What a route asks of its caller, as data: OpenAPI and the report read it. */

/** What the caller has to bring. `owner` is a user who owns the object of the path. */
export type Requirement = 'user' | 'owner' | 'admin' | 'refreshToken' | 'refreshCookie' | 'metricsToken'

/** `isHidden`: the object of another owner is refused with 404, as one that does not exist; else with 403. */
export type Guard = { requires: Requirement; isHidden?: boolean }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by the guard that stands before the route; undefined where the route is public. */
    guard?: Guard
  }
}

const NEEDS_ACCESS_TOKEN: readonly Requirement[] = ['user', 'owner', 'admin']

/** Returns whether the caller needs an access token. */
export function needsAccessToken(guard: Guard | undefined): boolean {
  return guard !== undefined && NEEDS_ACCESS_TOKEN.includes(guard.requires)
}
