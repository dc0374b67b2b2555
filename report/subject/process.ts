/** Starts a process with the observer in it, and asks the observer questions. */
import type { ChildProcess } from 'node:child_process'
import { RunError } from '../../harness/errors.ts'
import { startProcess } from '../../harness/process.ts'
import type { CodeTable, Observation, ObserverReply, Question, TraceEvent } from '../observe/observation.ts'

export const PRELOAD = new URL('../observe/preload.ts', import.meta.url).href
const REPLY_TIMEOUT_MS = 10_000

export type Options = {
  root: string
  /** Arguments of Node.js: flags, the module, and the module's own arguments. */
  args: readonly string[]
  environment: NodeJS.ProcessEnv
  signal?: AbortSignal | undefined
}

/** Starts a process and returns once it listens. Throws a RunError with its last output where it does not. */
export async function startObserved({ root, args, environment, signal }: Options) {
  const log: string[] = []
  const { child, origin, stop } = await startProcess({
    name: 'the service',
    cwd: root,
    args: ['--import', PRELOAD, ...args],
    environment,
    onOutput: line => log.push(line),
    messages: true,
    signal,
  })
  return { origin, log, stop, ...createQuestions(child) }
}

/** A question without its number. */
type Body = Question extends infer Each ? (Each extends Question ? Omit<Each, 'report'> : never) : never

/** Returns functions that ask the observer in a process. */
export function createQuestions(child: ChildProcess) {
  const waiting = new Map<number, (reply: unknown) => void>()
  let count = 0
  child.on('message', (message: ObserverReply | null) => {
    // An app may send messages of its own.
    const { report = 0, reply } = message ?? {}
    waiting.get(report)?.(reply)
    waiting.delete(report)
  })

  async function ask(question: Body): Promise<unknown> {
    count += 1
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (!child.connected) throw new RunError('the service has ended')
    const timer = setTimeout(() => reject(new RunError('the service does not respond')), REPLY_TIMEOUT_MS)
    waiting.set(count, resolve)
    child.send({ report: count, ...question } satisfies Question)
    return promise.finally(() => clearTimeout(timer))
  }

  return {
    observation: async () => (await ask({ ask: 'observation' })) as Observation,
    exported: (module: string, name: string) => ask({ ask: 'export', module, name }),
    tables: async () => (await ask({ ask: 'tables' })) as CodeTable[],
    stall: async () => void (await ask({ ask: 'stall' })),
    trace: async (id: string) => ((await ask({ ask: 'trace', id })) ?? []) as TraceEvent[],
  }
}
