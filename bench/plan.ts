/** Decides the order in which rounds, scenarios and versions take turns. */
import type { LoadOptions } from './result/schema.ts'
import type { Scenario } from './scenario.ts'
import { createRandom, shuffle } from './stats/random.ts'
import type { Subject } from './subject.ts'

export type Step = {
  subject: Subject
  scenario: Scenario
  round: number
  /** Seconds of load before the recording starts. */
  warmup: number
  /** The first of its subject and scenario: warmed up until it is steady, where the options ask for that. */
  isFirst: boolean
}

// Later rounds meet a warm server; they only wait until all connections are open and in their stride. At most a fifth of
// what is recorded: the noise of a round is white, so that what counts is how many seconds of a run are measured.
const LONGEST_REWARM_SECONDS = 0.3
const LARGEST_REWARM_SHARE = 0.2

/** Most scenarios are steady after as many windows; a progress display needs a number. */
const USUAL_WINDOWS = 4

/** The pause between two loads: requests are made, connections close and open, counters are read. */
const CHANGEOVER_SECONDS = 0.15

/** Every scenario once per round, so that a slow minute of the machine falls on all of them. */
export function planRounds(subject: Subject, scenarios: readonly Scenario[], options: LoadOptions): Step[] {
  return Array.from({ length: options.rounds }, (_, round) =>
    scenarios.map(scenario => ({
      subject,
      scenario,
      round,
      ...warmupOf(round === 0, options),
    })),
  ).flat()
}

/**
 * Subjects in turns: each block is one order and the same backwards (A B B A, or C A B B A C), so that a drift of the
 * machine is the same for all within it. Every block draws an order of its own, so that no subject always follows the same
 * neighbour. Rounds 2k and 2k + 1 of every subject stand in the same block.
 */
export function planTurns(
  subjects: readonly Subject[],
  scenarios: readonly Scenario[],
  options: LoadOptions,
): Step[] {
  const random = createRandom(options.seed)
  const blocks = Array.from({ length: Math.ceil(options.rounds / 2) }, (_, block) => block)
  return blocks.flatMap(block =>
    scenarios.flatMap(scenario => {
      const order = shuffle(random, subjects)
      return [order, order.toReversed()].flatMap((turns, half) =>
        turns.map(subject => ({
          subject,
          scenario,
          round: block * 2 + half,
          ...warmupOf(block === 0 && half === 0, options),
        })),
      )
    }),
  )
}

/** Returns how long a step takes, in seconds; of a warm-up until it is steady, a usual number of windows. */
export function stepSeconds({ warmup, isFirst }: Step, options: LoadOptions): number {
  const windows = isFirst && options.steady ? Math.min(USUAL_WINDOWS, options.steady.most) : 0
  return (
    windows * ((options.steady?.window ?? 0) + CHANGEOVER_SECONDS) +
    warmup +
    options.duration +
    CHANGEOVER_SECONDS
  )
}

function warmupOf(isFirst: boolean, { warmup, steady, duration }: LoadOptions) {
  const rewarm = Math.min(LONGEST_REWARM_SECONDS, LARGEST_REWARM_SHARE * duration)
  if (steady) return { isFirst, warmup: rewarm }
  return { isFirst, warmup: isFirst ? warmup : Math.min(rewarm, warmup / 2) }
}
