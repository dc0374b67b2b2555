/** The API of the subject as checks use it: routes by what they are for, paths of them, and bodies that they accept. */
import { RunError } from '../../harness/errors.ts'
import type { ReportConfig } from '../config.ts'
import { NotVerified } from '../errors.ts'
import { exampleOf, type JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { fillPath } from '../routes.ts'
import { bodyProperties, findRoles, IDENTITY, type Role } from './roles.ts'

export type Api = ReturnType<typeof createApi>

/** What a body says about the caller. */
export type Person = { email: string; password: string; refreshToken?: string }

/** A new password, for bodies that take one. */
const OTHER_PASSWORD = 'tidal-ember-47-quartz'

/** Returns the API. Throws a RunError where the config names a route that the app does not have. */
export function createApi(routes: readonly ObservedRoute[], config: ReportConfig = {}) {
  const found = findRoles(routes)
  for (const [role, text] of Object.entries(config.routes ?? {})) {
    const route = routes.find(({ method, url }) => `${method} ${url}` === text)
    if (!route) throw new RunError(`report.config: the app has no route ${text}`)
    found[role as Role] = route
  }

  /** Returns the route of a role. Throws NotVerified where there is none. */
  function route(role: Role): ObservedRoute {
    const known = found[role]
    if (!known) throw new NotVerified(`no route was found for "${role}": report.config.ts can name it`)
    return known
  }

  /** Returns the method and the path of a role's route, with `id` for its parameter, as `client.call` takes them. */
  function to(role: Role, id?: string, query = ''): [method: string, path: string] {
    const { method, url } = route(role)
    return [method, `${fillPath(url, () => id)}${query}`]
  }

  /** Returns a body that a route accepts from a person, with `changes` in place of its fields. */
  function body(
    of: ObservedRoute,
    person: Person,
    changes: Record<string, unknown> = {},
  ): Record<string, unknown> {
    const schema = (of.schemas.body ?? {}) as JsonSchema
    const example = (exampleOf(schema) ?? {}) as Record<string, unknown>
    const extra = of === found.register ? (config.registration ?? {}) : {}
    const own = Object.fromEntries(
      bodyProperties(of).flatMap(name => {
        const value = personal(name, person)
        // An optional field stays absent, except for the credentials that the route is for.
        return value === undefined ? [] : [[name, value]]
      }),
    )
    return { ...example, ...extra, ...own, ...changes }
  }

  return { found, route, to, body, config }
}

/** Returns what a person fills in for a field; undefined where any value will do. */
function personal(name: string, { email, password, refreshToken }: Person): string | undefined {
  if (IDENTITY.test(name)) return /mail/i.test(name) ? email : email.split('@', 1)[0]
  if (/refresh_?-?token/i.test(name)) return refreshToken
  if (!/pass(word|phrase|wd)|^pwd$/i.test(name)) return undefined
  return /new|repeat|confirm/i.test(name) && /new/i.test(name) ? OTHER_PASSWORD : password
}
