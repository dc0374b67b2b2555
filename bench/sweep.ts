/** Measures a service as load grows: by rate, against an objective, and by connections, against a law. */

import { plural } from './output/text.ts'
import { errorsOf } from './result/figures.ts'
import type { LoadOptions, Measurement, Sweep } from './result/schema.ts'
import type { Scenario } from './scenario.ts'
import { judgeSlo, type Slo } from './slo.ts'
import { type Fit, fitUniversalScalability } from './stats/usl.ts'

/** Measures a scenario under these options; undefined when it was interrupted. */
export type Measure = (options: LoadOptions, label: string) => Promise<Measurement | undefined>

type SweepStep = Sweep['steps'][number]

/** Steps spent on closing in between the last rate that kept the objective and the first that did not. */
const REFINEMENTS = 3

/** How often a load is measured at most: where it is void, or where the closed loop contradicts what it says. */
const ATTEMPTS = 3

/**
 * A closed loop that keeps the objective at its highest throughput has `connections` requests in the server at any time. At
 * this share of that throughput an open loop has a tenth of them there, so a rate below it that misses the objective speaks
 * of a bad moment of the machine, or of the generator.
 */
const PLAUSIBLE_SHARE = 0.8

/**
 * Returns the rates tried, in ascending order, and the highest that kept the objective: first in even steps, a tenth above
 * what a closed loop reaches divided by their number, until one fails, then by halving the gap. A void step is measured
 * again, and so is a miss that the closed loop contradicts; where it stays so, there is no capacity in the result.
 */
export async function sweepRates(
  measure: Measure,
  scenario: Scenario,
  options: LoadOptions,
  { slo, steps }: { slo: Slo; steps: number },
): Promise<Sweep> {
  const done: SweepStep[] = []
  const closed = await measureUsable(measure, { ...options, mode: 'closed' }, 'closed loop')
  const top = (closed?.rate ?? 0) * 1.1
  let kept = 0
  let broken = Number.POSITIVE_INFINITY
  const tryRate = async (rate: number): Promise<boolean> => {
    const open: LoadOptions = { ...options, mode: 'open', rate, arrivals: options.arrivals ?? 'poisson' }
    const step = await measureRate(measure, open, { closed, slo })
    if (!step) return false
    done.push(step)
    if (step.kept) kept = Math.max(kept, rate)
    else broken = Math.min(broken, rate)
    return step.kept === true
  }
  // Where the closed loop met a bad moment of the machine, its limit was none: twice the steps find the real one.
  for (const rate of closed ? evenSteps(top / steps, 2 * steps) : []) {
    if (!(await tryRate(rate))) break
  }
  for (let i = 0; i < REFINEMENTS && kept > 0 && broken - kept > 1 && Number.isFinite(broken); i++) {
    await tryRate(Math.round((kept + broken) / 2))
  }
  done.sort((a, b) => a.level - b.level)
  const sweep: Sweep = { by: 'rate', scenario: scenario.name, slo, ...(closed && { closed }), steps: done }
  return kept > 0 && doubtfulMiss(sweep) === undefined ? { ...sweep, capacity: kept } : sweep
}

/** Returns the lowest rate that missed the objective although a closed loop kept it at a far higher throughput. */
export function doubtfulMiss({ steps, closed, slo }: Sweep): SweepStep | undefined {
  const lowest = steps.find(step => step.kept === false)
  return lowest && slo && contradicts(lowest.level, closed, slo) ? lowest : undefined
}

function contradicts(rate: number, closed: Measurement | undefined, slo: Slo): boolean {
  return closed !== undefined && judgeSlo(closed, slo) === 'kept' && rate < PLAUSIBLE_SHARE * closed.rate
}

/** Measures one rate, and again while it is void or misses an objective that the closed loop says it must keep. */
async function measureRate(
  measure: Measure,
  options: LoadOptions,
  { closed, slo }: { closed: Measurement | undefined; slo: Slo },
): Promise<SweepStep | undefined> {
  const { rate = 0 } = options
  let step: SweepStep | undefined
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const measurement = await measure(options, attempt === 0 ? `${rate}/s` : `${rate}/s again`)
    if (!measurement) break
    const verdict = judgeSlo(measurement, slo)
    if (verdict === 'kept') return { level: rate, kept: true, measurement }
    // A miss is worth more than what is void.
    if (verdict !== 'void') step = { level: rate, kept: false, missed: verdict, measurement }
    step ??= { level: rate, measurement }
    if (verdict !== 'void' && !contradicts(rate, closed, slo)) break
  }
  return step
}

/** Measures again while the figures are void; undefined when it was interrupted. */
async function measureUsable(
  measure: Measure,
  options: LoadOptions,
  label: string,
): Promise<Measurement | undefined> {
  let measurement = await measure(options, label)
  for (let i = 1; i < ATTEMPTS && measurement?.void !== undefined; i++) {
    measurement = await measure(options, `${label} again`)
  }
  return measurement
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
    const load: LoadOptions = { ...options, mode: 'closed', connections }
    const measurement = await measureUsable(measure, load, plural(connections, 'connection'))
    if (!measurement) break
    done.push({ level: connections, measurement })
  }
  return { by: 'connections', scenario: scenario.name, steps: done }
}

/** Returns the law's fit to a sweep by connections; steps that are void or have errors do not count. Undefined with fewer than four. */
export function fitSweep(sweep: Sweep): Fit | undefined {
  const loads = sweep.steps
    .filter(({ measurement }) => measurement.void === undefined && errorsOf(measurement) === 0)
    .map(step => ({ concurrency: step.level, throughput: step.measurement.rate }))
  return fitUniversalScalability(loads)
}

/** Returns up to `count` different whole numbers, the multiples of `step`. */
function evenSteps(step: number, count: number): number[] {
  return [...new Set(Array.from({ length: count }, (_, i) => Math.max(1, Math.round(step * (i + 1)))))]
}

/** Returns up to `steps` different whole numbers from 1 to `last`. */
export function geometricSteps(last: number, steps: number): number[] {
  const numbers = Array.from({ length: steps }, (_, i) => Math.round(last ** (i / Math.max(1, steps - 1))))
  return [...new Set(numbers)]
}
