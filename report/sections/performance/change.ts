/** Measures a change: both versions in turns where both have the endpoint, and the new endpoints alone. */
import { RunError } from '../../../harness/errors.ts'
import type { NewRoute } from '../../change/new-routes.ts'
import type { Row } from '../../document/document.ts'
import { fact } from '../../document/evidence.ts'
import type { ObservedRoute } from '../../observe/observation.ts'
import type { Bench, Figures, Run, runBench, ScenarioEndpoint } from './bench.ts'
import { toRows, unmeasuredRow } from './figures.ts'

/** What the bench has to know of the two versions. */
export type Change = {
  /** As the user named the version before, and its commit. */
  ref: string
  commit: string
  /** The routes of the version before. */
  routes: readonly Pick<ObservedRoute, 'method' | 'url'>[]
  /** The routes that the change adds. */
  added: readonly NewRoute[]
}

type Options = Pick<Run, 'kind' | 'signal'> & { change: Change; run: typeof runBench }

/** Returns a row for each endpoint of the suite and for each new route. Where the bench fails, they say why. */
export async function measureChange(suite: Bench, { kind, change, signal, run }: Options): Promise<Row[]> {
  const endpoints = await suite.listEndpoints()
  const shared = endpoints.filter(endpoint => change.routes.some(route => isRouteOf(route, endpoint)))
  const measure = (what: Pick<Run, 'scenarios' | 'base' | 'generated'>) =>
    attempt(() => run(suite, { kind, signal, ...what }), signal)
  const { ref, commit } = change
  const compared =
    shared.length === 0 ? undefined : await measure({ base: commit, scenarios: shared.map(nameOf) })
  const why = typeof compared === 'string' ? compared : undefined

  const added = withoutScenario(change, endpoints)
  const generated = added.flatMap(route => ('scenario' in route ? [route.scenario] : []))
  const alone = why === undefined ? endpoints.filter(endpoint => !shared.includes(endpoint)) : endpoints
  const isEmpty = alone.length + generated.length === 0
  const measured = isEmpty ? undefined : await measure({ scenarios: alone.map(nameOf), generated })

  const names = [
    ...alone.map(({ endpoint }) => endpoint),
    ...generated.flatMap(scenario => scenario.endpoints.map(({ name }) => name)),
  ]
  const isShared = ({ id }: Row) => shared.some(({ endpoint }) => endpoint === id)
  const aloneRows =
    typeof measured === 'string' ? names.map(name => unmeasuredRow(name, measured)) : rowsOf(measured)
  return [
    ...(typeof compared === 'string' ? [] : rowsOf(compared, ref)),
    ...aloneRows.map(row => (isShared(row) ? notCompared(row, ref, why ?? '') : addedRow(row, ref))),
    ...added.flatMap(route =>
      'why' in route ? [addedRow(unmeasuredRow(`${route.method} ${route.url}`, route.why), ref)] : [],
    ),
  ]
}

/** Returns the new routes that no scenario of the suite measures. */
export function withoutScenario({ added }: Change, endpoints: readonly ScenarioEndpoint[]): NewRoute[] {
  return added.filter(route => !endpoints.some(endpoint => isRouteOf(route, endpoint)))
}

/** Returns whether a scenario requests a route: `/users/{{users.id}}?limit=1` requests `/users/:id`. */
function isRouteOf(
  { method, url }: Pick<ObservedRoute, 'method' | 'url'>,
  endpoint: ScenarioEndpoint,
): boolean {
  const [path = ''] = endpoint.path.split('?')
  const requested = path.replaceAll(/\{\{[^}]*\}\}/g, ':')
  return method === endpoint.method && requested === url.replaceAll(/:\w+(\([^)]*\))?\??/g, ':')
}

function nameOf({ scenario }: ScenarioEndpoint): string {
  return scenario
}

/** Returns the figures, or why there are none. Throws where the report was interrupted. */
async function attempt(measure: () => Promise<Figures>, signal: AbortSignal): Promise<Figures | string> {
  try {
    return await measure()
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof RunError)) throw error
    return error.message
  }
}

function rowsOf(figures: Figures | undefined, ref?: string): Row[] {
  return figures ? toRows(figures, ref) : []
}

function addedRow(row: Row, ref: string): Row {
  return { ...row, change: 'added', evidence: [...row.evidence, fact(`in ${ref}`, 'not there')] }
}

/** The figures are there, and whether they became worse is not known. */
function notCompared(row: Row, ref: string, why: string): Row {
  const evidence: Row['evidence'] = [fact(`not compared with ${ref}`, why), ...row.evidence]
  return { ...row, state: row.state === 'fail' ? 'fail' : 'not verified', evidence }
}
