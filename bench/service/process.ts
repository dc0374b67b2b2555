/** Runs what is measured in a process of its own, with the probe loaded into it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from '../../src/process/free-port.ts'
import { RunError } from '../errors.ts'
import { sleep } from '../load/clock.ts'
import { askProbe } from '../probe/ask.ts'
import type { Counters, Question } from '../probe/counters.ts'

const readyWithinMs = 20_000
const stopWithinMs = 10_000

export interface ProcessOptions {
  /** How messages call it. */
  name: string
  /** What Node.js is given: flags, the script, its arguments. */
  args: readonly string[]
  cwd: string
  /** All that it gets besides PATH, HOST and PORT. */
  environment: Record<string, string>
  /** What answers with a 2xx once it is ready. */
  readyPath: string
  /** Microseconds of CPU that each request is made to waste. */
  burnUs?: number | undefined
  /** Told each line of its standard output, which otherwise goes nowhere. */
  onOutput?: (line: string) => void
  signal: AbortSignal
}

export interface MeasuredProcess {
  pid: number
  origin: string
  read: () => Promise<Counters>
  /** The same, once all garbage is collected: for what a process holds, not what it has left behind. */
  readCollected: () => Promise<Counters>
  /** How it ended by itself, and what it said last; undefined while it runs. */
  describeEnd: () => string | undefined
  stop: () => Promise<void>
}

/** Returns the process once it is ready. Throws a RunError with the last lines it said when it does not get there. */
export async function startProcess(options: ProcessOptions): Promise<MeasuredProcess> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const preloads = preloadsOf(options).flatMap(file => ['--import', file])
  const child = spawn(process.execPath, [...preloads, ...options.args], {
    cwd: options.cwd,
    env: {
      ...{ PATH, HOST: '127.0.0.1', PORT: String(port) },
      ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
      ...(options.burnUs !== undefined && { BENCH_BURN_US: String(options.burnUs) }),
      ...options.environment,
    },
    // Its own process group: Ctrl-C is for the bench, which then ends it in order. Log lines are written and go nowhere: a
    // disk would add its own noise.
    ...{ detached: true, stdio: ['ignore', options.onOutput ? 'pipe' : 'ignore', 'pipe', 'ipc'] },
  })
  if (child.stdout && options.onOutput) createInterface(child.stdout).on('line', options.onOutput)
  const lastWords = collectLastWords(child)
  try {
    await waitUntilReady(child, origin, options, lastWords)
  } catch (error) {
    await stopProcess(child)
    throw error
  }
  const ask = (question: Question) => () => askProbe(child, question, options.name)
  return {
    pid: child.pid ?? 0,
    origin,
    read: ask('bench:read'),
    readCollected: ask('bench:collect'),
    describeEnd: () =>
      hasEnded(child)
        ? `${options.name} ended (${child.signalCode ?? child.exitCode}): ${lastWords()}`
        : undefined,
    stop: () => stopProcess(child),
  }
}

function preloadsOf({ burnUs }: ProcessOptions): string[] {
  const files = ['../probe/preload.ts', ...(burnUs === undefined ? [] : ['../probe/burn.ts'])]
  return files.map(file => new URL(file, import.meta.url).href)
}

async function waitUntilReady(
  child: ChildProcess,
  origin: string,
  { name, readyPath, signal }: ProcessOptions,
  lastWords: () => string,
): Promise<void> {
  const deadline = Date.now() + readyWithinMs
  while (Date.now() < deadline && !hasEnded(child) && !signal.aborted) {
    const ready = await fetch(`${origin}${readyPath}`).catch(() => undefined)
    if (ready?.ok) return
    await sleep(25, signal)
  }
  throw new RunError(signal.aborted ? 'interrupted' : `${name} did not start: ${lastWords()}`)
}

function collectLastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-2000)
  })
  return () => text.trim() || 'it said nothing'
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  await exited
  clearTimeout(timer)
}
