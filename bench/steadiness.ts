/** Decides whether a server is warm: it no longer gets faster. Code that is still being compiled measures the compiler. */
import { wholeHistogram } from './result/figures.ts'
import type { LoadOptions, Measurement, Warmup } from './result/schema.ts'

/** A window this much better than the best one before it says that the server is still getting faster. */
const STILL_FASTER = 1.05

/** So many windows in a row must not say so; the first window has nothing before it. */
const CALM_WINDOWS = 2

export type SteadyOptions = NonNullable<LoadOptions['steady']>

/**
 * Returns whether the figures of the windows so far have stopped getting better: none of the last two is more than 5 %
 * better than the best one before it. A window that is worse does not count: that is the machine, not the compiler.
 */
export function isSteady(figures: readonly number[], lowerIsBetter: boolean): boolean {
  if (figures.length <= CALM_WINDOWS) return false
  const gains = figures.map(figure => (lowerIsBetter ? 1 / figure : figure))
  return gains.slice(-CALM_WINDOWS).every((gain, i) => {
    const before = gains.slice(0, gains.length - CALM_WINDOWS + i)
    return !(gain > STILL_FASTER * Math.max(...before))
  })
}

/**
 * Loads the subjects, window by window, until all are steady or `most` windows have passed. `load` makes one window and
 * returns what each subject did in it. Returns the warm-up of each; what an abort cut off is not steady.
 */
export async function warmUntilSteady(
  load: () => Promise<Measurement[]>,
  { mode, steady }: { mode: LoadOptions['mode']; steady: SteadyOptions },
  signal: AbortSignal,
): Promise<Warmup[]> {
  const figures: number[][] = []
  const isWarm = (list: readonly number[]): boolean => isSteady(list, mode === 'open')
  for (let window = 0; window < steady.most && !signal.aborted; window++) {
    for (const [i, measurement] of (await load()).entries()) {
      figures[i] ??= []
      figures[i].push(figureOf(measurement, mode))
    }
    if (figures.every(isWarm)) break
  }
  return figures.map(list => ({ seconds: list.length * steady.window, steady: isWarm(list), figures: list }))
}

/** In an open loop the rate is what was asked for: there, latency shows whether the server is warm. */
function figureOf(measurement: Measurement, mode: LoadOptions['mode']): number {
  if (mode === 'closed') return measurement.rate
  const { totalCount, mean } = wholeHistogram([measurement])
  return totalCount === 0 ? 0 : mean / 1000
}
