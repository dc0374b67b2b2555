/** What every command is given, and the steps that all measuring commands share. */
import { UsageError } from '../../harness/errors.ts'
import { type Generator, startGenerator } from '../load/generator-client.ts'
import { checkTarget, type Measured, type MeasureHooks, measure, sendData } from '../measure.ts'
import type { Values } from '../options.ts'
import { createProgress } from '../output/progress.ts'
import { type Step, stepSeconds } from '../plan.ts'
import { errorsOf } from '../result/figures.ts'
import {
  type Fingerprint,
  type LoadOptions,
  type Result,
  SCHEMA_VERSION,
  type ScenarioResult,
  type Warmup,
} from '../result/schema.ts'
import type { Scenario } from '../scenario.ts'
import { sumOf } from '../stats/summary.ts'
import type { Subject } from '../subject.ts'

export type Context = {
  values: Values
  operands: string[]
  /** Fires on Ctrl-C. */
  signal: AbortSignal
  print: (text: string) => void
}

/** Runs `work` with a load generator that has the subjects' data and found them in order; it ends in any case. */
export function withGenerator<T>(
  subjects: readonly Subject[],
  scenarios: readonly Scenario[],
  options: LoadOptions,
  work: (generator: Generator) => Promise<T>,
): Promise<T> {
  return withNewGenerator(async generator => {
    await introduce(generator, subjects, scenarios, options)
    return work(generator)
  })
}

/** Runs `work` with a load generator that knows no subject yet; it is stopped in any case. */
export async function withNewGenerator<T>(work: (generator: Generator) => Promise<T>): Promise<T> {
  const generator = await startGenerator()
  try {
    return await work(generator)
  } finally {
    await generator.stop()
  }
}

/** Gives the generator the subjects' data; throws a RunError where one of them does not respond as expected. */
export async function introduce(
  generator: Generator,
  subjects: readonly Subject[],
  scenarios: readonly Scenario[],
  options: LoadOptions,
): Promise<void> {
  for (const subject of subjects) {
    sendData(generator, subject, scenarios)
    await checkTarget(generator, subject, scenarios, options)
  }
}

/** Carries out the plan under a display of its progress. */
export async function measureWithProgress(
  generator: Generator,
  steps: readonly Step[],
  options: LoadOptions,
  signal: AbortSignal,
  beforeStep?: MeasureHooks['beforeStep'],
): Promise<Measured[]> {
  const progress = createProgress(sumOf(steps.map(step => stepSeconds(step, options))))
  try {
    const hooks = { onProgress: progress.update, ...(beforeStep && { beforeStep }) }
    return await measure(generator, steps, options, signal, hooks)
  } finally {
    progress.stop()
  }
}

/** Returns one subject's rounds by scenario, in the order of the scenarios and of the measurements. */
export function groupRounds(
  measured: readonly Measured[],
  subjectKey: string,
  scenarios: readonly Scenario[],
): ScenarioResult[] {
  return scenarios.map(({ name }) => {
    const own = measured.filter(({ step }) => step.subject.key === subjectKey && step.scenario.name === name)
    const warmup = joinWarmups(own.flatMap(one => one.warmup ?? []))
    return { name, rounds: own.map(({ measurement }) => measurement), ...(warmup && { warmup }) }
  })
}

/** Each process of a version has a warm-up of its own. */
function joinWarmups(warmups: readonly Warmup[]): Warmup | undefined {
  if (warmups.length === 0) return undefined
  return {
    seconds: sumOf(warmups.map(({ seconds }) => seconds)),
    steady: warmups.every(({ steady }) => steady),
    figures: warmups.flatMap(({ figures }) => figures),
  }
}

/** Returns the connections of those scenarios that have a number of their own. */
export function ownConnections(scenarios: readonly Scenario[]): Record<string, number> {
  return Object.fromEntries(
    scenarios.flatMap(({ name, connections }) => (connections === undefined ? [] : [[name, connections]])),
  )
}

/** Returns the parts of a result that do not depend on what was measured. */
export function describe(
  opened: { subject: Pick<Subject, 'name'>; fingerprint: Fingerprint; environment: Record<string, string> },
  { values, signal }: Context,
) {
  return {
    kind: 'plumbline-bench' as const,
    schemaVersion: SCHEMA_VERSION as typeof SCHEMA_VERSION,
    subject: opened.subject.name,
    createdAt: new Date().toISOString(),
    quick: values.quick ?? false,
    cutShort: signal.aborted,
    fingerprint: opened.fingerprint,
    environment: opened.environment,
  }
}

/** Returns the exit code of a result: 130 after Ctrl-C, 1 where a figure is void or a request failed, otherwise 0. */
export function exitCodeOf(result: Result): number {
  if (result.cutShort) return 130
  const rounds = result.scenarios.flatMap(scenario => scenario.rounds)
  return rounds.some(round => round.void !== undefined || errorsOf(round) > 0) ? 1 : 0
}

/** Returns the address of `--target` without a path; throws when it is none. */
export function clientInfoOf(target: string): string {
  const url = URL.parse(target)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`--target takes a URL like http://host:port, not "${target}"`)
  return url.origin
}
