/** Performance Metrics: a bench result of this commit on this machine, or "not measured". */
import { RunError, UsageError } from '../../../harness/errors.ts'
import { describeMachine } from '../../../harness/machine.ts'
import type { Row } from '../../document/document.ts'
import type { Repository } from '../../git.ts'
import type { Settings } from '../../options.ts'
import { notAvailable, notMeasured } from '../rows.ts'
import { type Bench, type Figures, loadBench, type Run, runBench, type ScenarioEndpoint } from './bench.ts'
import { type Change, measureChange, withoutScenario } from './change.ts'
import { toRows, unmeasuredRow } from './figures.ts'

type Options = Pick<Settings, 'bench' | 'since' | 'app'>

/** A function that runs the bench, or reads a result, and returns the rows; for a change with what the base has. */
export type Measure = (
  repository: Repository | undefined,
  signal: AbortSignal,
  change?: Change | undefined,
) => Promise<Row[]>

/**
 * Returns a function that runs the bench, or reads a result, and returns the rows. Throws a RunError where the result
 * cannot be read. `load` returns undefined where this repository has no benchmark suite.
 */
export async function preparePerformance(
  { bench: wanted, since, app }: Options,
  load = loadBench,
  run: typeof runBench = runBench,
): Promise<Measure> {
  if (app !== undefined) {
    return async () => [notAvailable('performance', 'the bench measures the reference service')]
  }
  const suite = await load()
  if (!suite) return async () => [notMeasured('this repository has no benchmark suite')]
  if (wanted === 'none')
    return (_repository, _signal, change) => unmeasured(suite, 'no bench was run', change)
  if (wanted === 'quick' || wanted === 'full') {
    return (_repository, signal, change) =>
      change
        ? measureChange(suite, { kind: wanted, change, signal, run })
        : measureSuite(suite, { kind: wanted, signal, run })
  }
  const figures = await suite.readFigures(wanted).catch(error => {
    throw error instanceof UsageError ? new RunError(error.message) : error
  })
  return async (repository, _signal, change) => {
    const why = mismatchReason(figures, repository)
    if (why !== undefined) return unmeasured(suite, why, change)
    return [
      ...toRows(figures, since),
      ...newRows(await suite.listEndpoints(), change, 'the result is without it'),
    ]
  }
}

type SuiteRun = Pick<Run, 'kind' | 'signal'> & { run: typeof runBench }

async function measureSuite(suite: Bench, { run, ...options }: SuiteRun): Promise<Row[]> {
  const scenarios = (await suite.listEndpoints()).map(({ scenario }) => scenario)
  return toRows(await run(suite, { ...options, scenarios }), undefined)
}

/** Returns a row without figures for each endpoint of the suite, and for each new route. */
async function unmeasured(bench: Bench, why: string, change: Change | undefined): Promise<Row[]> {
  const endpoints = await bench.listEndpoints()
  if (endpoints.length === 0) return [notMeasured('no scenario measures one endpoint')]
  return [
    ...endpoints.map(({ endpoint }) => unmeasuredRow(endpoint, why)),
    ...newRows(endpoints, change, why),
  ]
}

function newRows(endpoints: readonly ScenarioEndpoint[], change: Change | undefined, why: string): Row[] {
  const added = change ? withoutScenario(change, endpoints) : []
  return added.map(({ method, url }) => ({ ...unmeasuredRow(`${method} ${url}`, why), change: 'added' }))
}

/** Returns why the figures are not of this commit on this machine; undefined where they are. */
function mismatchReason({ cutShort, machine, code }: Figures, repository: Repository | undefined) {
  if (cutShort) return 'the result was cut short'
  const differences = Object.entries(describeMachine()).filter(([name, value]) => machine[name] !== value)
  if (differences.length > 0) {
    return `the result is of another machine: ${differences.map(([name]) => name).join(', ')} differ`
  }
  if (code.commit !== repository?.version.commit) {
    return `the result is of commit ${code.commit?.slice(0, 10)}`
  }
  if (code.dirty || repository?.version.dirty) {
    return 'the working tree was or is dirty: the result may be of other code'
  }
  return undefined
}
