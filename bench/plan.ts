/** Decides what is measured when: the order in which rounds, scenarios and versions take turns. */
import type { LoadOptions } from './result/schema.ts'
import type { Scenario } from './scenario.ts'
import type { Subject } from './subject.ts'

export interface Step {
  subject: Subject
  scenario: Scenario
  round: number
  /** Seconds of load before the recording starts. */
  warmup: number
}

// Later rounds meet a warm server; they only wait until all connections are open and in their stride.
const longestRewarmSeconds = 0.3

/** The pause between two loads: connections close and open, counters are read. */
const changeoverSeconds = 0.35

/** Every scenario once per round, so that a slow minute of the machine falls on all of them alike. */
export function planRounds(subject: Subject, scenarios: readonly Scenario[], options: LoadOptions): Step[] {
  return Array.from({ length: options.rounds }, (_, round) =>
    scenarios.map(scenario => ({
      subject,
      scenario,
      round,
      warmup: warmupOf(round === 0, options),
    })),
  ).flat()
}

/**
 * Two versions in the order A B B A, so that a drift of the machine is the same for both within each four. Round 2k and
 * 2k + 1 of either stand in the same four.
 */
export function planPairs(
  base: Subject,
  head: Subject,
  scenarios: readonly Scenario[],
  options: LoadOptions,
): Step[] {
  const blocks = Array.from({ length: Math.ceil(options.rounds / 2) }, (_, block) => block)
  return blocks.flatMap(block =>
    scenarios.flatMap(scenario =>
      (
        [
          [base, 0],
          [head, 0],
          [head, 1],
          [base, 1],
        ] as const
      ).map(([subject, second]) => ({
        ...{ subject, scenario, round: block * 2 + second },
        warmup: warmupOf(block === 0 && second === 0, options),
      })),
    ),
  )
}

/** Returns how long a step takes, in seconds. */
export function stepSeconds(step: Step, options: LoadOptions): number {
  return step.warmup + options.duration + changeoverSeconds
}

function warmupOf(isFirst: boolean, { warmup }: LoadOptions): number {
  return isFirst ? warmup : Math.min(longestRewarmSeconds, warmup / 2)
}
