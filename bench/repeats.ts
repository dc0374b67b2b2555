/** Repeats rounds that other processes have disturbed. */
import { errorsOf, isDisturbed } from './result/figures.ts'
import type { LoadOptions, Measurement } from './result/schema.ts'

/** A disturbed round is measured again, at most so often, and so is at most this share of all rounds. */
const LONGEST_REPEATS = 2
const REPEATED_SHARE = 0.25

/**
 * Measures a round again while others take too much of the CPU and the budget lasts; returns the calmest one, or the first
 * with an error, which no calmer one undoes.
 */
export async function leastDisturbed(
  budget: { left: number },
  { busyLimit }: LoadOptions,
  signal: AbortSignal,
  measureRound: () => Promise<Measurement[]>,
): Promise<Measurement[]> {
  let calmest = await measureRound()
  // What was measured side by side has the same neighbours.
  for (
    let repeat = 0;
    repeat < LONGEST_REPEATS && calmest.some(one => isDisturbed(one, busyLimit));
    repeat++
  ) {
    if (signal.aborted || budget.left === 0 || hasErrors(calmest)) break
    budget.left--
    const another = await measureRound()
    if (hasErrors(another)) return another
    if (!signal.aborted && (another[0]?.othersCpu ?? 1) < (calmest[0]?.othersCpu ?? 1)) calmest = another
  }
  return calmest
}

function hasErrors(measurements: readonly Measurement[]): boolean {
  return measurements.some(measurement => errorsOf(measurement) > 0)
}

/** Returns how many rounds of so many may be measured again. */
export function createBudget(rounds: number): { left: number } {
  return { left: Math.ceil(rounds * REPEATED_SHARE) }
}
