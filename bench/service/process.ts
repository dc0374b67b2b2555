/** Runs what is measured in a process of its own, with the agent loaded into it. */
import { type ProcessOptions, type RunningProcess, startProcess } from '../../harness/process.ts'
import { askAgent } from '../agent/ask.ts'
import type { Counters, Question } from '../agent/counters.ts'

const PRELOADS = { agent: '../agent/preload.ts', burn: '../agent/burn.ts' }

export type MeasuredOptions = Pick<
  ProcessOptions,
  'name' | 'args' | 'cwd' | 'environment' | 'readyPath' | 'onOutput' | 'signal'
> & {
  /** Microseconds of CPU that each request is made to waste. */
  burnUs?: number | undefined
}

export type MeasuredProcess = Pick<RunningProcess, 'pid' | 'origin' | 'describeEnd' | 'stop'> & {
  read: () => Promise<Counters>
  /** The same, once all garbage is collected: for what a process holds, not what it has left behind. */
  readCollected: () => Promise<Counters>
}

/** Returns the process once it is ready. Throws a RunError with its last output where it does not start. */
export async function startMeasuredProcess({
  burnUs,
  ...options
}: MeasuredOptions): Promise<MeasuredProcess> {
  const modules = burnUs === undefined ? [PRELOADS.agent] : [PRELOADS.agent, PRELOADS.burn]
  const preloads = modules.flatMap(file => ['--import', new URL(file, import.meta.url).href])
  const burn = burnUs === undefined ? {} : { BENCH_BURN_US: String(burnUs) }
  const { child, pid, origin, describeEnd, stop } = await startProcess({
    ...options,
    args: [...preloads, ...options.args],
    environment: { ...burn, ...options.environment },
    messages: true,
    detached: true,
  })
  const ask = (question: Question) => () => askAgent(child, question, options.name)
  return { pid, origin, describeEnd, stop, read: ask('bench:read'), readCollected: ask('bench:collect') }
}
