/** The control of a check over the sweep: the valid request that must have been accepted. */
import { NotVerified } from '../errors.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Sweep } from './sweep.ts'

/** Throws NotVerified where a route's valid request was not accepted: its refusals prove nothing then. */
export function requireHonest({ samples, unreached }: Sweep, routes: readonly ObservedRoute[]): void {
  for (const route of routes) {
    const name = `${route.method} ${route.url}`
    const missing = unreached.find(item => item.route === route)
    if (missing) throw new NotVerified(`${name} could not be reached: ${missing.why}`)
    const honest = samples.find(sample => sample.route === route && sample.kind === 'honest')
    if (!honest || honest.response.status >= 400) {
      throw new NotVerified(
        `the valid request to ${name} got the response ${honest?.response.status ?? 'none'}`,
      )
    }
  }
}
