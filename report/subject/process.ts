/** Starts an observed process, asks it questions, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ReportError } from '../errors.ts'
import type { Answer, Observation, Question, TraceEvent } from '../observe/observation.ts'

const PRELOAD = new URL('../observe/preload.ts', import.meta.url).href
const START_WITHIN_MS = 30_000
const ANSWER_WITHIN_MS = 10_000
const STOP_WITHIN_MS = 10_000

/** What a pretty or a JSON log line says when Fastify listens. */
const LISTENING = /Server listening at (http:\/\/[^"\s]+)/

export type Options = {
  root: string
  /** Arguments of node: flags, then the module and its own arguments. */
  args: readonly string[]
  environment: NodeJS.ProcessEnv
  signal?: AbortSignal
}

/** Starts a process and returns when it listens. Throws ReportError with its last words where it does not. */
export async function startObserved({ root, args, environment, signal }: Options) {
  const child = spawn(process.execPath, ['--import', PRELOAD, ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const log: string[] = []
  const words: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => words.push(text))
  const abort = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const origin = await listeningOrigin(child, log)
    return { origin, log, ...questions(child), stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    const said = [...words, ...log].join('\n').trim().slice(-2000)
    throw new ReportError(
      signal?.aborted ? 'interrupted' : `the service does not start: ${said || (error as Error).message}`,
    )
  }
}

function listeningOrigin(child: ChildProcess, log: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  if (child.stdout) {
    createInterface(child.stdout).on('line', line => {
      log.push(line)
      const origin = LISTENING.exec(line)?.[1]
      if (origin !== undefined) resolve(origin)
    })
  }
  child.on('message', (message: { origin?: string }) => message.origin && resolve(message.origin))
  child.once('error', reject)
  // Its last words may still be in the pipe: `close` comes after them.
  child.once('close', code => reject(new Error(`it ended with code ${code}`)))
  const late = setTimeout(
    () => reject(new Error(`it does not listen after ${START_WITHIN_MS / 1000} s`)),
    START_WITHIN_MS,
  )
  return promise.finally(() => clearTimeout(late))
}

type Ask = Question extends infer Each ? (Each extends Question ? Omit<Each, 'report'> : never) : never

function questions(child: ChildProcess) {
  const waiting = new Map<number, (answer: unknown) => void>()
  let count = 0
  child.on('message', ({ report, answer }: Answer) => {
    waiting.get(report)?.(answer)
    waiting.delete(report)
  })

  async function ask(question: Ask): Promise<unknown> {
    count += 1
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (!child.connected) throw new ReportError('the service has ended')
    const late = setTimeout(() => reject(new ReportError('the service does not answer')), ANSWER_WITHIN_MS)
    waiting.set(count, resolve)
    child.send({ report: count, ...question } satisfies Question)
    return promise.finally(() => clearTimeout(late))
  }

  return {
    observation: async () => (await ask({ ask: 'observation' })) as Observation,
    exported: (module: string, name: string) => ask({ ask: 'export', module, name }),
    stall: async () => void (await ask({ ask: 'stall' })),
    trace: async (id: string) => ((await ask({ ask: 'trace', id })) ?? []) as TraceEvent[],
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await exited
  clearTimeout(impatience)
}
