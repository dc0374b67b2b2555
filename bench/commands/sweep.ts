/** `sweep`: raises the load step by step, by rate and by connections. */

import { UsageError } from '../../harness/errors.ts'
import { EXIT_CODES } from '../compare.ts'
import type { Generator } from '../load/generator-client.ts'
import { measure } from '../measure.ts'
import { loadOptions, type Values, whole } from '../options.ts'
import { createProgress } from '../output/progress.ts'
import { renderSweep } from '../output/sweep-table.ts'
import { stepSeconds } from '../plan.ts'
import { errorsOf } from '../result/figures.ts'
import type { LoadOptions, Result, Sweep, Warmup } from '../result/schema.ts'
import type { Scenario } from '../scenario.ts'
import { parseSlo, type Slo } from '../slo.ts'
import type { Subject } from '../subject.ts'
import { doubtfulMiss, type Measure, sweepConnections, sweepRates } from '../sweep.ts'
import { type Context, describe, withGenerator } from './context.ts'
import { openSubject } from './open-subject.ts'
import { writeFiles } from './run.ts'

const DEFAULT_SLO = 'p95=35ms'

/** Longer rounds than the suite's: a tail at one rate must have time to show. */
export const SWEEP_DEFAULTS = { rounds: 1, duration: 3, warmup: 1 }

/** Prints what was found, and returns the exit code; see `exitCodeOfSweeps`. */
export async function sweepCommand(context: Context): Promise<number> {
  const options = loadOptions(context.values, SWEEP_DEFAULTS)
  const goal = readGoal(context.values)
  // One scenario at a time makes a curve; the first lookup is the one that everybody asks about.
  const scenario = context.values.scenario ?? (context.values.target === undefined ? ['get-user'] : undefined)
  const values = { ...context.values, ...(scenario && { scenario: scenario.slice(0, 1) }) }
  const opened = await openSubject({ ...context, values })
  try {
    const [chosen] = opened.scenarios
    if (!chosen) throw new Error('no scenario was chosen')
    const sweeps = await withGenerator([opened.subject], [chosen], options, generator =>
      runSweeps(createMeasure(generator, opened.subject, chosen, context), chosen, options, goal),
    )
    const result: Result = { ...describe(opened, context), options, scenarios: [], sweeps }
    for (const sweep of sweeps) context.print(`${renderSweep(sweep)}\n`)
    if (result.cutShort) context.print('CUT SHORT: not all steps were run.')
    await writeFiles(result, context)
    return exitCodeOfSweeps(result)
  } finally {
    await opened.close()
  }
}

/**
 * Returns 130 where a sweep was cut short; 1 where a closed loop failed or is void, as the figures rest on it; 3 where the
 * highest rate cannot be told, or only a lower bound of it because of void figures; otherwise 0.
 */
export function exitCodeOfSweeps({ cutShort, sweeps = [] }: Pick<Result, 'cutShort' | 'sweeps'>): number {
  if (cutShort) return 130
  const loads = sweeps.flatMap(({ by, closed, steps }) =>
    by === 'rate' ? (closed ?? []) : steps.map(step => step.measurement),
  )
  if (loads.some(load => load.void !== undefined || errorsOf(load) > 0)) return 1
  return sweeps.some(sweep => sweep.by === 'rate' && !isTold(sweep)) ? EXIT_CODES.tooNoisy : 0
}

/** Whether the lowest rate that did not keep the objective has missed it, and the closed loop does not contradict. */
function isTold(sweep: Sweep): boolean {
  const above = sweep.steps.find(step => step.level > (sweep.capacity ?? 0) && step.kept !== true)
  return doubtfulMiss(sweep) === undefined && above?.measurement.void === undefined
}

export type Goal = {
  by: 'rate' | 'connections' | 'both'
  slo: Slo
  steps: number
}

export function readGoal(values: Values): Goal {
  const { by = 'both' } = values
  if (by !== 'rate' && by !== 'connections' && by !== 'both') {
    throw new UsageError(`--by takes rate, connections or both, not "${by}"`)
  }
  return { by, slo: parseSlo(values.slo ?? DEFAULT_SLO), steps: whole('steps', values.steps, 8) }
}

async function runSweeps(
  { measureStep, readWarmup }: ReturnType<typeof createMeasure>,
  scenario: Scenario,
  options: LoadOptions,
  { by, slo, steps }: Goal,
): Promise<Sweep[]> {
  const sweeps = [
    ...(by === 'connections' ? [] : [await sweepRates(measureStep, scenario, options, { slo, steps })]),
    ...(by === 'rate' ? [] : [await sweepConnections(measureStep, scenario, options, steps)]),
  ]
  return withWarmup(sweeps, readWarmup())
}

/** Returns the sweeps with the warm-up before the first of them. */
export function withWarmup(sweeps: readonly Sweep[], warmup: Warmup | undefined): Sweep[] {
  return sweeps.map((sweep, i) => (i === 0 && warmup ? { ...sweep, warmup } : sweep))
}

/** Returns what measures one step of a sweep under its own bar of progress, and how the first one was warmed up. */
export function createMeasure(
  generator: Generator,
  subject: Subject,
  scenario: Scenario,
  context: Context,
): { measureStep: Measure; readWarmup: () => Warmup | undefined } {
  let warmup: Warmup | undefined
  let isFirst = true
  // The plan grows as it goes, so there is no whole to show a part of: each step is a plan of its own.
  const measureStep: Measure = async (options, label) => {
    const load = withConnections(scenario, options)
    const step = { subject, scenario: load, round: 0, warmup: options.warmup, isFirst }
    isFirst = false
    const progress = createProgress(stepSeconds(step, options))
    try {
      const [measured] = await measure(generator, [step], options, context.signal, {
        // Of a rate; what the closed loop finds is where the rates begin.
        mayFail: options.mode === 'open',
        onProgress: (_, seconds) => progress.update(`${scenario.name}, ${label}`, seconds),
      })
      warmup ??= measured?.warmup
      return measured?.measurement
    } finally {
      progress.stop()
    }
  }
  return { measureStep, readWarmup: () => warmup }
}

/** A scenario's own number of connections would hold a sweep still. */
function withConnections(scenario: Scenario, { connections }: LoadOptions): Scenario {
  return { ...scenario, connections }
}
