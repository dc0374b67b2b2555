/** What the commands have in common: they end in order when they are interrupted, or their parent is gone. */
import { watchParent } from '../src/process/parent.ts'

/**
 * Returns the arguments without `--parent=<pid>`, and a signal that fires when this process is interrupted or outlives
 * its parent. A closed terminal is an interruption: what a command starts is detached, and would stay.
 */
export function listenForInterruption(argv: readonly string[]): { args: string[]; signal: AbortSignal } {
  const interruption = new AbortController()
  const abort = (): void => interruption.abort()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, abort)
  return { args: watchParent(argv, abort), signal: interruption.signal }
}
