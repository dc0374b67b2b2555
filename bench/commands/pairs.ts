/** Two versions in several processes each: opened side by side, and measured pair by pair. */
import { planPairs } from '../plan.ts'
import type { LoadOptions, ScenarioResult } from '../result/schema.ts'
import type { Scenario } from '../scenario.ts'
import type { ServiceSubject, Version } from '../service/subject.ts'
import { openVersions } from '../service/versions.ts'
import { groupRounds, measureWithProgress, withGenerator } from './context.ts'

type Pair = readonly [base: ServiceSubject, head: ServiceSubject]

/** Returns the running pairs of both versions; `close` ends them all. */
export async function openPairs(base: Version, head: Version, options: LoadOptions, signal: AbortSignal) {
  const numbers = Array.from({ length: options.processes ?? 1 }, (_, i) => i + 1)
  const opened = await openVersions(
    numbers.flatMap(number => [base, head].map(version => ({ ...version, key: `${version.key}_${number}` }))),
    options,
    signal,
  )
  const pairs = numbers.map((_, i) => opened.subjects.slice(2 * i, 2 * i + 2) as unknown as Pair)
  return { ...opened, pairs }
}

/** Returns the rounds of both versions, those of all their processes one after the other. */
export async function measurePairs(
  pairs: readonly Pair[],
  scenarios: readonly Scenario[],
  options: LoadOptions,
  signal: AbortSignal,
): Promise<{ base: ScenarioResult[]; scenarios: ScenarioResult[] }> {
  const steps = planPairs(pairs, scenarios, options)
  const measured = await withGenerator(pairs.flat(), scenarios, options, generator =>
    measureWithProgress(generator, steps, options, signal),
  )
  const roundsOf = (subjects: ServiceSubject[]): ScenarioResult[] =>
    groupRounds(measured, subjects, scenarios)
  return { base: roundsOf(pairs.map(([base]) => base)), scenarios: roundsOf(pairs.map(([, head]) => head)) }
}
