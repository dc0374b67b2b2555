/** Two versions side by side: opened, and measured in turns. */
import { planTurns } from '../plan.ts'
import type { LoadOptions, ScenarioResult } from '../result/schema.ts'
import type { Scenario } from '../scenario.ts'
import type { ServiceSubject, Version } from '../service/subject.ts'
import { openVersions } from '../service/versions.ts'
import { groupRounds, measureWithProgress, withGenerator } from './context.ts'

type Pair = readonly [base: ServiceSubject, head: ServiceSubject]

/** Returns both versions, running; `close` ends them. */
export async function openPair(versions: [Version, Version], options: LoadOptions, signal: AbortSignal) {
  const { subjects, ...opened } = await openVersions(versions, options, signal)
  const [base, head] = subjects
  if (!base || !head) throw new Error('two versions were expected')
  const pair: Pair = [base, head]
  return { ...opened, pair }
}

/** Returns the rounds of both: round i of one stands beside round i of the other. */
export async function measurePair(
  pair: Pair,
  scenarios: readonly Scenario[],
  options: LoadOptions,
  signal: AbortSignal,
): Promise<{ base: ScenarioResult[]; scenarios: ScenarioResult[] }> {
  const measured = await withGenerator(pair, scenarios, options, generator =>
    measureWithProgress(generator, planTurns(pair, scenarios, options), options, signal),
  )
  const [base, head] = pair
  return { base: groupRounds(measured, base, scenarios), scenarios: groupRounds(measured, head, scenarios) }
}
