/** Measures versions of the service side by side in turns, several times in new processes. */
import { RunError } from '../../harness/errors.ts'
import type { Generator } from '../load/generator-client.ts'
import { type Measured, measure, measureTurns, type OnProgress } from '../measure.ts'
import { loadOptions, type Values, whole } from '../options.ts'
import { createProgress } from '../output/progress.ts'
import { planTurns, stepSeconds } from '../plan.ts'
import type { Cores, LoadOptions, ScenarioResult } from '../result/schema.ts'
import type { Scenario } from '../scenario.ts'
import { pin, splitCores } from '../service/affinity.ts'
import { type Prepared, startVersions } from '../service/versions.ts'
import { sumOf } from '../stats/summary.ts'
import { groupRounds, introduce, withNewGenerator } from './context.ts'

/**
 * Code is still being compiled for its first 6 s under load: 3 s here, and then windows until all versions are steady, three
 * at least. Beside that, no two processes of the same code are the same: of each version five are measured.
 */
const defaults = { rounds: 6, duration: 1, warmup: 3 }
const DEFAULT_FORKS = 5
const QUICK_FORKS = 2

/** The time that a version takes to start and to sign in its sessions. */
const START_SECONDS = 2

export type ForkOptions = LoadOptions & { forks: number }

/** Returns the load that the options ask for, and how many processes of each version are to bear it. */
export function forkOptions(values: Values): ForkOptions {
  const forks = whole('forks', values.forks, values.quick ? QUICK_FORKS : DEFAULT_FORKS)
  return { ...loadOptions(values, defaults), forks }
}

export type MeasuredForks = {
  /** The rounds of each version, in their order: round i of all was measured side by side. */
  versions: ScenarioResult[][]
  /** Undefined where all shared all cores. */
  cores: Cores | undefined
}

/**
 * Returns the rounds of the prepared versions; those before an abort are kept. What is measured has cores of its own where
 * that is possible: who shares one with whom is the luck of a second, and CPU per request then varies by 4.8 %, else 2.8 %.
 */
export async function measureForks(
  prepared: Prepared,
  scenarios: readonly Scenario[],
  options: ForkOptions,
  signal: AbortSignal,
): Promise<MeasuredForks> {
  const cores = await splitCores()
  const startingSeconds = prepared.versions.length * START_SECONDS
  const forkSeconds = startingSeconds + secondsOf(prepared, scenarios, options)
  const progress = createProgress(options.forks * forkSeconds)
  try {
    return await withNewGenerator(async generator => {
      for (const pid of [generator.pid, prepared.databasePid]) {
        if (cores && pid !== undefined) await keepOn(cores.others, pid)
      }
      const measured: Measured[] = []
      for (let fork = 0; fork < options.forks && !signal.aborted; fork++) {
        const before = fork * forkSeconds
        progress.update(`starting fork ${fork + 1} of ${options.forks}`, before)
        const onProgress: OnProgress = (label, done) =>
          progress.update(label, before + startingSeconds + done)
        const one: Fork = { scenarios, options, cores, fork, onProgress }
        measured.push(...(await measureFork(generator, prepared, one, signal).catch(leftBy(signal))))
      }
      const versions = prepared.versions.map(({ version }) => groupRounds(measured, version.key, scenarios))
      return { versions, cores }
    })
  } finally {
    progress.stop()
  }
}

/** A start that an abort cut off has measured nothing; what was measured before it stands. */
function leftBy(signal: AbortSignal) {
  return (error: unknown): Measured[] => {
    if (!signal.aborted) throw error
    return []
  }
}

/** Throws a RunError where the process cannot be kept on these cores: its figures would be those of another set-up. */
async function keepOn(cores: string, pid: number): Promise<void> {
  if (!(await pin(pid, cores))) throw new RunError(`process ${pid} could not be kept on the cores ${cores}`)
}

type Fork = {
  scenarios: readonly Scenario[]
  options: ForkOptions
  cores: Cores | undefined
  fork: number
  onProgress: OnProgress
}

async function measureFork(
  generator: Generator,
  prepared: Prepared,
  { scenarios, options, cores, fork, onProgress }: Fork,
  signal: AbortSignal,
): Promise<Measured[]> {
  const { versions } = prepared
  // In 7 of 7 comparisons of a version with itself, the one started first took more CPU per request: 2 % in the mean.
  const ordered = fork % 2 === 0 ? versions : versions.toReversed()
  const { subjects, close } = await startVersions({ ...prepared, versions: ordered }, options, signal)
  try {
    for (const { pid } of subjects) if (cores) await keepOn(cores.measured, pid)
    await introduce(generator, subjects, scenarios, options)
    // Other requests and another order of turns each time.
    const seeded = { ...options, seed: options.seed + fork * options.rounds }
    // In an open loop a subject that rests would not be asked, and what it is asked is what counts: whole rounds in turns.
    const measured =
      options.mode === 'closed'
        ? await measureTurns(generator, { subjects, scenarios }, seeded, signal, onProgress)
        : await measure(generator, planTurns(subjects, scenarios, seeded), seeded, signal, { onProgress })
    return measured.map(({ step, measurement }) => ({ step, measurement: { ...measurement, fork } }))
  } finally {
    await close()
  }
}

function secondsOf({ versions }: Prepared, scenarios: readonly Scenario[], options: LoadOptions): number {
  if (options.mode === 'closed') {
    return versions.length * scenarios.length * (options.warmup + options.rounds * options.duration)
  }
  const subjects = versions.map(({ version }) => ({ ...version, origin: '', data: {} }))
  return sumOf(planTurns(subjects, scenarios, options).map(step => stepSeconds(step, options)))
}
