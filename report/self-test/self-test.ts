/** Runs the report on sabotaged and on harmlessly changed services, and judges each of its rows. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDatabase } from '../../harness/database.ts'
import { RunError } from '../../harness/errors.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { DATABASE_SETTINGS } from '../generate.ts'
import { migrateReference } from '../subject/reference.ts'
import { isRight, judge, type Verdict, withOldNames } from './judge.ts'
import type { FoundRows } from './run-trial.ts'
import type { Trial } from './trial.ts'
import { cpuSecondsOf, createWorkers, type Workers } from './workers.ts'

export type Judged = Pick<Trial, 'name' | 'kind'> &
  Verdict & {
    seconds: number
    /** What the rows with a false alarm say, by `section/id`. */
    reasons?: Record<string, string>
    /** Why there is no report of this service: then the trial itself is broken. */
    error?: string
  }

export type SelfTest = {
  /** Rows of the healthy service that have no tick. */
  unticked: string[]
  trials: Judged[]
  seconds: number
  cpuSeconds: number
}

type Options = {
  root: string
  trials: readonly Trial[]
  workers: number
  signal: AbortSignal
  onJudged: (judged: Judged, trial: Trial) => void
}

/** Returns the verdicts in the order of the trials. Everything that was started has ended when this returns or throws. */
export async function runSelfTest({
  root,
  trials,
  workers: count,
  signal,
  onJudged,
}: Options): Promise<SelfTest> {
  const start = performance.now()
  const server = await startDatabase('self-test', DATABASE_SETTINGS)
  const cache = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-compiled-`))
  let workers: Workers | undefined
  try {
    const template = await server.create('template')
    await migrateReference(root, template)
    workers = createWorkers({ root, template, cache }, count, signal)
    const healthy = await rowsOfHealthy(workers)
    const judged = await judgeAll(workers, healthy, { trials, onJudged })
    signal.throwIfAborted()
    const cpuSeconds = cpuSecondsOf(server.pid)
    return {
      unticked: Object.keys(healthy).filter(key => healthy[key]?.state !== 'pass'),
      trials: judged,
      seconds: (performance.now() - start) / 1000,
      cpuSeconds: cpuSeconds + (await workers.end()),
    }
  } finally {
    await workers?.end()
    await server.remove()
    await rm(cache, { recursive: true, force: true })
  }
}

async function rowsOfHealthy(workers: Workers): Promise<FoundRows> {
  const healthy = await workers.run(undefined)
  if ('error' in healthy) throw new RunError(`the healthy service has no report: ${healthy.error}`)
  return healthy.rows
}

async function judgeAll(
  workers: Workers,
  healthy: FoundRows,
  { trials, onJudged }: Pick<Options, 'trials' | 'onJudged'>,
): Promise<Judged[]> {
  return Promise.all(
    trials.map(async trial => {
      const { name, kind } = trial
      const { seconds, ...outcome } = await workers.run(name)
      const judged: Judged =
        'error' in outcome
          ? { name, kind, ticked: [], absent: [], alarms: [], seconds, error: outcome.error }
          : {
              name,
              kind,
              ...withReasons(judge(trial, healthy, outcome.rows), withOldNames(outcome.rows, trial.renames)),
              seconds,
            }
      onJudged(judged, trial)
      return judged
    }),
  )
}

function withReasons(verdict: Verdict, rows: FoundRows): Verdict & Pick<Judged, 'reasons'> {
  const reasons = verdict.alarms.map((key): [string, string] => {
    const row = rows[key]
    return [key, row ? `${row.state}: ${row.text}${row.why === undefined ? '' : ` (${row.why})`}` : 'no row']
  })
  return reasons.length === 0 ? verdict : { ...verdict, reasons: Object.fromEntries(reasons) }
}

/** The least share of sabotages whose rows must turn. */
const MIN_SHARE = 0.95

/** Returns whether enough sabotages turned their rows, with no false tick and no false alarm. */
export function hasPassed({ trials }: Pick<SelfTest, 'trials'>): boolean {
  const right = trials.filter(trial => trial.error === undefined && isRight(trial)).length
  const isClean = trials.every(({ ticked, alarms, error }) => ticked.length + alarms.length === 0 && !error)
  return isClean && right >= MIN_SHARE * trials.length
}
