/** API Endpoints Implemented: the routes of the running app, and a check of each route's guard. */
import type { Collector, Context } from '../../context.ts'
import type { Row, State } from '../../document/document.ts'
import { type Evidence, fact, some } from '../../document/evidence.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { hasBody, needsOwner, needsToken, pathOf } from '../../routes.ts'
import type { Actor } from '../../security/actors.ts'
import type { Surveyed } from '../../survey.ts'
import { NONE } from '../form.ts'

export const endpoints: Collector = { section: 'endpoints', collect: collectEndpoints }

type Verdict = { state: State; why?: string; evidence: Evidence[] }

/** `stranger` calls routes with an object of `owner`. */
type Users = { owner: Actor; stranger: Actor }

async function collectEndpoints(context: Context): Promise<Row[]> {
  const users = await createUsers(context)
  const rows = await Promise.all(context.surveyed.map(surveyed => rowOf(context, surveyed, users)))
  return rows.toSorted((a, b) => compare(a.cells[1] ?? '', b.cells[1] ?? '') || compare(a.id, b.id))
}

async function createUsers({ service }: Context): Promise<Users | undefined> {
  if (!service) return undefined
  const [owner, stranger] = await Promise.all([service.actors.user(), service.actors.user()])
  return { owner, stranger }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function rowOf(context: Context, surveyed: Surveyed, users?: Users): Promise<Row> {
  const { route } = surveyed
  const auth = authOf(route)
  const anonymous = context.service ? checkAnonymous(auth, surveyed) : checkForeign(auth, surveyed)
  const known = anonymous.state === 'pass' && users ? await checkStranger(context, route, users) : undefined
  const { state, why } = known ?? anonymous
  const { place } = route
  const source: Evidence[] = place && place.line > 0 ? [{ kind: 'source', ...place }] : []
  return {
    id: `${route.method} ${route.url}`,
    cells: [route.method, route.url, why === undefined ? auth : `${auth} (${why})`, route.summary ?? NONE],
    state,
    evidence: some([...anonymous.evidence, ...(known?.evidence ?? []), ...source]),
  }
}

/** The guard that the route declares, else the security schemes in its schema. */
function authOf({ guard, security }: ObservedRoute): string {
  return guard ?? (security.length > 0 ? security.join(' / ') : 'Public')
}

/** Public routes of apps that declare no guards: a handler that refuses an empty body may be a login or be guarded. */
function checkForeign(auth: string, surveyed: Surveyed): Verdict {
  const { response } = surveyed
  if (auth !== 'Public' || !response || (response.status !== 401 && response.status !== 403)) {
    return checkAnonymous(auth, surveyed)
  }
  const why = `not verified: its handler responded ${response.status}, as to a wrong login or a missing one`
  return { state: 'not verified', why, evidence: [response.exchange] }
}

function checkAnonymous(auth: string, { response, why: reason = 'no response' }: Surveyed): Verdict {
  if (!response) {
    const why = `not verified: ${reason}`
    return { state: 'not verified', why, evidence: [fact('not verified', reason)] }
  }
  const { status } = response
  if (auth === `Guarded (${status})`) {
    return { state: 'pass', evidence: [{ ...response.exchange, expected: 'a refusal', met: true }] }
  }
  const isRefused = status === 401 || status === 403
  const expected = auth === 'Public' ? 'neither 401 nor 403' : '401 or 403'
  const verdict = (state: State, why?: string): Verdict => ({
    state,
    ...(why !== undefined && { why }),
    evidence: [{ ...response.exchange, expected, met: state === 'pass' }],
  })
  if (status === 429 || status === 503) return verdict('not verified', `not verified: responded ${status}`)
  if (status >= 500) return verdict('fail', `fails: responded ${status}`)
  if (auth === 'Public') {
    return isRefused ? verdict('fail', `not public: responded ${status}`) : verdict('pass')
  }
  if (isRefused) return verdict('pass')
  if (status === 400 || status === 415) {
    return verdict('not verified', `not verified: responded ${status} first`)
  }
  return verdict('fail', `not enforced: responded ${status} without credentials`)
}

/** A stranger's token must be enough for a guard of a token alone, and for no other guard. */
async function checkStranger({ service, http }: Context, route: ObservedRoute, users: Users) {
  if (!service || !needsToken(route)) return undefined
  // A POST may end the session that it is called with.
  const { accessToken: token } = route.method === 'POST' ? await service.actors.user() : users.stranger
  const isOwned = needsOwner(route)
  const path = isOwned ? await service.objects.ownPath(route, users.owner) : pathOf(route)
  const response = await http.client().call(route.method, path, {
    sent: "a user's token, for an object of another user",
    token,
    ...(hasBody(route.method) && route.schemas.body !== undefined && { body: {} }),
  })
  const { status } = response
  const mayPass = route.guard === 'JWT'
  // 404 hides whether another user's object exists.
  const isRefused = status === 403 || (isOwned && status === 404)
  const met = mayPass ? status !== 401 && status !== 403 && status < 500 : isRefused
  const expected = mayPass ? 'neither 401 nor 403' : isOwned ? '403 or 404' : '403'
  const why = mayPass ? `refuses: responded ${status}` : `not enforced: responded ${status} to a stranger`
  return {
    state: met ? ('pass' as const) : ('fail' as const),
    ...(!met && { why }),
    evidence: [{ ...response.exchange, expected, met }],
  }
}
