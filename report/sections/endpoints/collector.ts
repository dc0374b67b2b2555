/** API Endpoints Implemented: the routes of the running app, and a check of each route's guard. */
import type { Collector, Context } from '../../context.ts'
import type { Row, State } from '../../document/document.ts'
import { type Evidence, fact, some } from '../../document/evidence.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import { needsAdmin, needsOwner } from '../../routes.ts'
import type { Surveyed } from '../../survey.ts'
import { type Sample, scopeOf } from '../../sweep/sample.ts'
import { NONE } from '../form.ts'

export const endpoints: Collector = { section: 'endpoints', collect: collectEndpoints }

type Verdict = { state: State; why?: string; evidence: Evidence[] }

async function collectEndpoints(context: Context): Promise<Row[]> {
  const rows = await Promise.all(context.surveyed.map(surveyed => rowOf(context, surveyed)))
  return rows.toSorted((a, b) => compare(a.cells[1] ?? '', b.cells[1] ?? '') || compare(a.id, b.id))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function rowOf(context: Context, surveyed: Surveyed): Promise<Row> {
  const { route } = surveyed
  const isAsked = context.service !== undefined || isJudged(surveyed)
  const declared = authOf(route)
  // Most apps declare no guards: what is not asked may have one.
  const auth = isAsked || declared !== 'Public' ? declared : 'Not known'
  const anonymous = context.service ? checkAnonymous(auth, surveyed) : checkForeign(auth, surveyed)
  const known = anonymous.state === 'pass' && context.service ? await checkSwept(context, route) : undefined
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

/** A response of a limit or of an error is not that of a guard. */
function isJudged({ response }: Surveyed): boolean {
  return response !== undefined && response.status !== 429 && response.status < 500
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
  const expected =
    auth === 'Not known'
      ? 'a response of the route'
      : auth === 'Public'
        ? 'neither 401 nor 403'
        : '401 or 403'
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

/**
 * What the sweep found of this route: its guard refuses everyone whom it has to refuse, and accepts the one whom it is for.
 * Where the valid request was not accepted, the refusals prove nothing.
 */
async function checkSwept({ sweep }: Context, route: ObservedRoute): Promise<Verdict> {
  const { samples, unreached } = await sweep()
  const own = samples.filter(sample => sample.route === route)
  const honest = own.find(({ kind }) => kind === 'honest')
  const reason = unreached.find(item => item.route === route)?.why
  const control: Evidence[] = honest
    ? [{ ...honest.response.exchange, expected: 'a success', met: honest.response.status < 400 }]
    : [fact('not verified', reason ?? 'no valid request was sent')]
  const tries = own.filter(({ kind }) => kind === 'rights' || (kind === 'credentials' && isGuarded(route)))
  const passed = tries.filter(sample => !isAsDeclared(route, sample))
  const evidence = [
    ...control,
    ...passed.map(({ response }): Evidence => ({ ...response.exchange, expected: 'a refusal', met: false })),
    ...(tries.length > 0
      ? [
          {
            kind: 'scope' as const,
            expected: 'a refusal',
            met: tries.length - passed.length,
            ...scopeOf(tries),
          },
        ]
      : []),
  ]
  const [first] = passed
  if (first) return { state: 'fail', why: `not enforced: responded ${first.response.status}`, evidence }
  if (!honest)
    return { state: 'not verified', why: `not verified: ${reason ?? 'no valid request was sent'}`, evidence }
  const { status } = honest.response
  if (status < 400) return { state: 'pass', evidence }
  const refuses = status === 401 || status === 403
  return refuses
    ? { state: 'fail', why: `refuses: responded ${status} to a valid request`, evidence }
    : { state: 'not verified', why: `not verified: responded ${status} to a valid request`, evidence }
}

function isGuarded(route: ObservedRoute): boolean {
  return authOf(route) !== 'Public'
}

/** Whether a request that lacks credentials or rights was treated as the guard says. Users may name others' objects where the guard asks for a token alone. */
function isAsDeclared(route: ObservedRoute, { kind, response: { status } }: Sample): boolean {
  const isRefused = status === 401 || status === 403
  if (kind === 'credentials') return isRefused || status === 429
  if (needsOwner(route)) return status === 403 || status === 404
  return needsAdmin(route) ? status === 403 : true
}
