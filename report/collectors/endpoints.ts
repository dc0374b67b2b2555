/** API Endpoints Implemented: the booted app's routes, and a probe of whom each one lets in. */
import type { Row, State } from '../document/document.ts'
import type { Evidence } from '../document/evidence.ts'
import { some } from '../document/rows.ts'
import { NONE } from '../document/sections.ts'
import type { Answer } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import type { Actor } from '../security/actors.ts'
import { hasBody, pathOf } from '../security/routes.ts'
import type { Surveyed } from '../survey.ts'
import type { Collector, Context } from './context.ts'

export const endpoints: Collector = { section: 'endpoints', collect: collectEndpoints }

type Verdict = { state: State; why?: string; evidence: Evidence[] }

async function collectEndpoints(context: Context): Promise<Row[]> {
  const stranger = await context.service?.actors.user()
  const rows = await Promise.all(context.surveyed.map(surveyed => rowOf(context, surveyed, stranger)))
  return rows.toSorted((a, b) => compare(a.cells[1] ?? '', b.cells[1] ?? '') || compare(a.id, b.id))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function rowOf(
  context: Context,
  { route, answer }: Surveyed,
  stranger: Actor | undefined,
): Promise<Row> {
  const auth = authOf(route)
  const anonymous = judgeAnonymous(auth, answer)
  const known = anonymous.state === 'pass' ? await judgeUser(context, route, auth, stranger) : undefined
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

/** What stands before the route: its guard's own word, else the schemes of its schema. */
function authOf({ guard, security }: ObservedRoute): string {
  return guard ?? (security.length > 0 ? security.join(' / ') : 'Public')
}

function judgeAnonymous(auth: string, answer: Answer): Verdict {
  const { status } = answer
  const isRefused = status === 401 || status === 403
  const expected = auth === 'Public' ? 'neither 401 nor 403' : '401 or 403'
  const of = (state: State, why?: string): Verdict => ({
    state,
    ...(why !== undefined && { why }),
    evidence: [{ ...answer.exchange, expected, met: state === 'pass' }],
  })
  if (status === 429 || status === 503) return of('not verified', `not verified: answered ${status}`)
  if (status >= 500) return of('fail', `fails: answered ${status}`)
  if (auth === 'Public') return isRefused ? of('fail', `not public: answered ${status}`) : of('pass')
  if (isRefused) return of('pass')
  if (status === 400 || status === 415) return of('not verified', `not verified: answered ${status} first`)
  return of('fail', `not enforced: answered ${status} without credentials`)
}

/** A stranger's token: enough for JWT, and not for JWT and more. */
async function judgeUser(
  { service, http }: Context,
  route: ObservedRoute,
  auth: string,
  stranger: Actor | undefined,
) {
  if (!service || !stranger || !auth.startsWith('JWT')) return undefined
  // A route that changes something may end the session that it is called with.
  const { accessToken: token } = route.method === 'POST' ? await service.actors.user() : stranger
  const answer = await http.client().call(route.method, pathOf(route), {
    ...{ sent: "a user's token, for what is not the user's", token },
    ...(hasBody(route.method) && route.schemas.body !== undefined && { body: {} }),
  })
  const { status } = answer
  const mayPass = auth === 'JWT'
  const met = mayPass ? status !== 401 && status !== 403 && status < 500 : status === 403
  const expected = mayPass ? 'neither 401 nor 403' : '403'
  return {
    state: met ? ('pass' as const) : ('fail' as const),
    ...(!met && {
      why: mayPass ? `refuses: answered ${status}` : `not enforced: answered ${status} to a stranger`,
    }),
    evidence: [{ ...answer.exchange, expected, met }],
  }
}
