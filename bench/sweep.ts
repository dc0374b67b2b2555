/** Finds out how a service behaves as load grows: by rate, against an objective, and by connections, against a law. */
import type { LoadOptions, Measurement, Sweep } from './result/schema.ts'
import type { Scenario } from './scenario.ts'
import { keepsSlo, type Slo } from './slo.ts'
import { type Fit, fitUniversalScalability } from './stats/usl.ts'

/** Measures a scenario under these options; undefined when it was interrupted. */
export type Measure = (options: LoadOptions, label: string) => Promise<Measurement | undefined>

type SweepStep = Sweep['steps'][number]

/** Steps spent on closing in between the last rate that kept the objective and the first that did not. */
const refinements = 3

/**
 * Returns the rates tried, in ascending order, and the highest that kept the objective: first in even steps, a tenth above
 * what a closed loop reaches divided by their number, until one fails, then by halving the gap.
 */
export async function sweepRates(
  measure: Measure,
  scenario: Scenario,
  options: LoadOptions,
  { slo, steps }: { slo: Slo; steps: number },
): Promise<Sweep> {
  const done: SweepStep[] = []
  const limit = await measure({ ...options, mode: 'closed' }, 'closed loop')
  const top = (limit?.rate ?? 0) * 1.1
  let kept = 0
  let broken = Number.POSITIVE_INFINITY
  const tryRate = async (rate: number): Promise<boolean> => {
    const open: LoadOptions = { ...options, mode: 'open', rate, arrivals: options.arrivals ?? 'poisson' }
    const measurement = await measure(open, `${rate}/s`)
    if (!measurement) return false
    const isKept = keepsSlo(measurement, slo)
    done.push({ level: rate, kept: isKept, measurement })
    if (isKept) kept = Math.max(kept, rate)
    else broken = Math.min(broken, rate)
    return isKept
  }
  // Where the closed loop met a bad moment of the machine, its limit was none: twice the steps find the real one.
  for (let step = 1; step <= 2 * steps && limit; step++) {
    if (!(await tryRate(Math.max(1, Math.round((top * step) / steps))))) break
  }
  for (let i = 0; i < refinements && kept > 0 && broken < Number.POSITIVE_INFINITY; i++) {
    await tryRate(Math.round((kept + broken) / 2))
  }
  done.sort((a, b) => a.level - b.level)
  return { by: 'rate', scenario: scenario.name, slo, ...(kept > 0 && { capacity: kept }), steps: done }
}

/** Returns the throughput of 1 to N connections, in about equal ratios. */
export async function sweepConnections(
  measure: Measure,
  scenario: Scenario,
  options: LoadOptions,
  steps: number,
): Promise<Sweep> {
  const done: SweepStep[] = []
  for (const connections of geometricSteps(options.connections, steps)) {
    const measurement = await measure(
      { ...options, mode: 'closed', connections },
      `${connections} connections`,
    )
    if (!measurement) break
    done.push({ level: connections, measurement })
  }
  return { by: 'connections', scenario: scenario.name, steps: done }
}

/** Returns the law's fit to a sweep by connections; void steps do not count. Undefined with fewer than four. */
export function fitSweep(sweep: Sweep): Fit | undefined {
  const loads = sweep.steps
    .filter(step => step.measurement.void === undefined)
    .map(step => ({ concurrency: step.level, throughput: step.measurement.rate }))
  return fitUniversalScalability(loads)
}

/** Returns up to `steps` different whole numbers from 1 to `last`. */
export function geometricSteps(last: number, steps: number): number[] {
  const numbers = Array.from({ length: steps }, (_, i) => Math.round(last ** (i / Math.max(1, steps - 1))))
  return [...new Set(numbers)]
}
