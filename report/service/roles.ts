/** What routes are for: the roles that checks call routes by, and how the report finds the route of a role. */
import { escapePattern } from '../escape-pattern.ts'
import type { JsonSchema } from '../json-schema.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { isPublic, needsAdmin, needsOwner } from '../routes.ts'

export const ROLES = [
  'register',
  'login',
  'refresh',
  'logout',
  'changePassword',
  'csrf',
  'keys',
  'me',
  'profile',
  'updateProfile',
  'users',
  'disable',
  'sessions',
  'endSession',
  'metrics',
  'live',
  'ready',
  'description',
] as const

export type Role = (typeof ROLES)[number]

export type RolesFound = Partial<Record<Role, ObservedRoute>>

const PASSWORD = /^pass(word|phrase|wd)?$|^pwd$/i
export const IDENTITY = /^(e-?mail|user-?name|login|user|handle|identifier)$/i
const REFRESH_TOKEN = /refresh_?-?token/i

/** Returns the route of each role, as far as the names, guards and schemas of the routes show it. */
export function findRoles(routes: readonly ObservedRoute[]): RolesFound {
  const by = (method: string | RegExp, test: (route: ObservedRoute) => boolean) =>
    routes.find(
      route =>
        (typeof method === 'string' ? route.method === method : method.test(route.method)) && test(route),
    )
  const ends = (pattern: RegExp) => (route: ObservedRoute) => pattern.test(route.url)
  const takesAccount = (route: ObservedRoute) =>
    isPublic(route) && hasProperty(route, PASSWORD) && hasProperty(route, IDENTITY)

  const register =
    by('POST', route => takesAccount(route) && /regist|sign-?up/i.test(route.url)) ??
    by(
      'POST',
      route => takesAccount(route) && (route.statuses.includes(201) || /(users|accounts)$/i.test(route.url)),
    )
  const login =
    by('POST', route => takesAccount(route) && route !== register && /log-?in|sign-?in/i.test(route.url)) ??
    by('POST', route => takesAccount(route) && route !== register)
  const me = by('GET', route => !isPublic(route) && /\/(me|self|whoami)$/i.test(route.url))
  const users = me && parentOf(me.url)
  const isUser = (route: ObservedRoute) =>
    users !== undefined && new RegExp(`^${escapePattern(users)}/:\\w+$`).test(route.url)
  const sessions = by('GET', route => !isPublic(route) && /\/sessions$/i.test(route.url))
  return defined({
    register,
    login,
    me,
    refresh:
      by('POST', route => hasProperty(route, REFRESH_TOKEN) && /refresh|token/i.test(route.url)) ??
      by('POST', ends(/\/refresh$/i)),
    logout: by(/^(POST|DELETE)$/, route => /\/(log|sign)-?out$/i.test(route.url)),
    changePassword: by(/^(PUT|POST|PATCH)$/, route => countPasswords(route) > 1 && !isPublic(route)),
    csrf: by('GET', ends(/csrf/i)),
    keys: by('GET', ends(/jwks(\.json)?$/i)),
    profile: by('GET', isUser),
    updateProfile:
      by(/^(PUT|PATCH)$/, route => isUser(route) && needsOwner(route)) ?? by(/^(PUT|PATCH)$/, isUser),
    users:
      by('GET', route => route.url === users && needsAdmin(route)) ?? by('GET', route => route.url === users),
    disable: by(/^(POST|PUT|PATCH)$/, ends(/\/:\w+\/(disable|deactivate|suspend|block|ban)$/i)),
    sessions,
    endSession:
      sessions && by('DELETE', ({ url }) => new RegExp(`^${escapePattern(sessions.url)}/:\\w+$`).test(url)),
    metrics: by('GET', ends(/\/metrics$/i)),
    live: by('GET', ends(/\/(live|livez|alive|liveness|healthz?|ping)$/i)),
    ready: by('GET', ends(/\/(ready|readyz|readiness)$/i)),
    description: by('GET', ends(/(openapi|swagger)[\w.-]*$|\/(docs|documentation)\/json$/i)),
  })
}

function defined(found: Partial<Record<Role, ObservedRoute | undefined>>): RolesFound {
  return Object.fromEntries(Object.entries(found).filter(([, route]) => route !== undefined))
}

/** Returns the names of a route's properties in its body. */
export function bodyProperties({ schemas }: Pick<ObservedRoute, 'schemas'>): string[] {
  return Object.keys((schemas.body as JsonSchema | undefined)?.properties ?? {})
}

function hasProperty(route: ObservedRoute, pattern: RegExp): boolean {
  return bodyProperties(route).some(name => pattern.test(name))
}

function countPasswords(route: ObservedRoute): number {
  return bodyProperties(route).filter(name => /pass(word|phrase|wd)/i.test(name)).length
}

function parentOf(url: string): string {
  return url.slice(0, url.lastIndexOf('/'))
}
