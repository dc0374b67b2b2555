/** Prepares valid requests to one route: the account, the objects and the credentials that it asks for. */
import { NotVerified } from '../errors.ts'
import { cookiePairsOf } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { isPublic, needsAdmin, needsOwner, needsToken, pathOf, takesBody } from '../routes.ts'
import type { Actor, Actors } from '../security/actors.ts'
import type { Api } from '../service/api.ts'
import { type Objects, queryOf } from '../service/objects.ts'
import { bodyProperties } from '../service/roles.ts'
import type { ActorName, Outgoing } from './sample.ts'

/** What a caller can use of a service with accounts. */
export type Accounts = { api: Api; actors: Actors; objects: Objects; metricsToken: string }

export type Caller = ReturnType<typeof createCaller>

const SAFE = ['GET', 'HEAD', 'OPTIONS', 'TRACE']

/**
 * Returns a caller of `route` by the name of who may call it. Its valid request is made anew after each use that may have
 * used it up. Its account is kept as long as it works: a new one costs the service two password hashes.
 */
export function createCaller(route: ObservedRoute, accounts: Accounts | undefined) {
  let prepared: Promise<Outgoing> | undefined
  const actor = actorOf(route)
  const people = accounts && createPeople(route, accounts)
  return {
    actor,
    /** Throws NotVerified where the report cannot make what the route asks for. */
    request(): Promise<Outgoing> {
      prepared ??= prepare(route, actor, people && accounts && { ...accounts, ...people })
      return prepared
    },
    used({ method }: Pick<Outgoing, 'method'>, status: number): void {
      if (!SAFE.includes(method) && status < 300) prepared = undefined
    },
  }
}

/** Credentials that a request with them uses up. */
const USED_UP = /pass(word|phrase|wd)|refresh_?-?token/i

type People = { user: () => Promise<Actor>; admin: () => Promise<Actor> }

/** Returns functions that return the same account as the time before, where it still works. */
function createPeople(route: ObservedRoute, { api, actors }: Accounts): People {
  const isUsedUp =
    route === api.found.refresh ||
    (!isPublic(route) && bodyProperties(route).some(name => USED_UP.test(name)))
  const keep = (make: () => Promise<Actor>) => {
    let kept: Actor | undefined
    return async () => {
      if (!kept || isUsedUp || !(await isAlive(kept))) kept = await make()
      return kept
    }
  }
  async function isAlive({ client, accessToken: token }: Actor): Promise<boolean> {
    if (!api.found.me) return false
    return (await client.call(...api.to('me'), { token })).status === 200
  }
  return { user: keep(actors.user), admin: keep(actors.admin) }
}

/** Returns who may call the route, by its guard. */
export function actorOf(route: ObservedRoute): ActorName {
  if (isPublic(route)) return 'anonymous'
  if (needsAdmin(route)) return 'admin'
  if (needsOwner(route)) return 'owner'
  return needsToken(route) ? 'user' : 'holder'
}

async function prepare(
  route: ObservedRoute,
  actor: ActorName,
  accounts?: Accounts & People,
): Promise<Outgoing> {
  const { method } = route
  if (actor === 'anonymous') {
    const path = `${pathOf(route)}${queryOf(route)}`
    return { method, path, ...(takesBody(route) && { body: await publicBody(route, accounts) }) }
  }
  if (!accounts) throw new NotVerified('the report has no account of this app')
  const { user: newUser, admin: newAdmin, objects } = accounts
  if (actor === 'holder') return { method, ...(await hold(route, accounts)) }
  if (actor !== 'admin') return { method, ...(await objects.honest(route, await newUser())) }
  const [admin, user] = await Promise.all([newAdmin(), newUser()])
  return { method, ...(await objects.honest(route, admin, user)) }
}

/** A registration needs an address that is free. Everything else that is public is for an account that exists. */
async function publicBody(
  route: ObservedRoute,
  accounts?: Accounts & People,
): Promise<Record<string, unknown>> {
  if (!accounts) return {}
  const { api, actors, user } = accounts
  const isRegistration = route === api.found.register
  const person = isRegistration
    ? { email: actors.newEmail(), password: 'tidal-ember-47-quartz' }
    : await user()
  return api.body(route, person)
}

async function hold(route: ObservedRoute, accounts: Accounts): Promise<Omit<Outgoing, 'method'>> {
  const { api, actors, metricsToken } = accounts
  const path = pathOf(route)
  if (/metrics/i.test(route.guard ?? '')) return { path, token: metricsToken }
  const actor = await actors.user()
  if (route === api.found.refresh) return { path, body: api.body(route, actor) }
  if (/cookie/i.test(route.guard ?? '')) return { path, headers: { cookie: await cookieOf(accounts, actor) } }
  throw new NotVerified(`the report does not know how to fulfil "${route.guard ?? route.security.join()}"`)
}

/** Returns the cookies of a login in browser mode. */
export async function cookieOf({ api }: Pick<Accounts, 'api'>, actor: Actor): Promise<string> {
  const response = await actor.client.call(...api.to('login', undefined, '?cookie=true'), {
    body: api.body(api.route('login'), actor),
  })
  return cookiePairsOf(response).join('; ')
}
