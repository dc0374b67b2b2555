/** Runs a foreign app in a process group of its own, and ends all that it has started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { RunError } from '../../harness/errors.ts'
import { ALLOW_REMOTE, NOTHING_EXPORTED, RUN_MARK } from '../observe/launch.ts'
import { whyEnded } from './why-ended.ts'

const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 3000
/** Output may come after the end of a process. Its children may keep the pipe open for ever. */
const LAST_OUTPUT_MS = 200
const MAX_OUTPUT_CHARACTERS = 64_000

export type ForeignOptions = {
  root: string
  args: readonly string[]
  environment: NodeJS.ProcessEnv
  allowsRemote: boolean
  signal?: AbortSignal | undefined
}

export type ForeignProcess = {
  child: ChildProcess
  origin: string
  /** The environment of the process once it listens. */
  environment: NodeJS.ProcessEnv
  log: () => string[]
  stop: () => Promise<void>
}

/**
 * Returns the app once it listens; undefined where the host found nothing to start. Throws a RunError of one sentence
 * where it does not listen. Then nothing of it runs on.
 */
export async function startForeign(options: ForeignOptions): Promise<ForeignProcess | undefined> {
  const mark = randomUUID()
  const child = spawn(process.execPath, [...options.args], {
    cwd: options.root,
    env: { ...options.environment, [RUN_MARK]: mark, ...(options.allowsRemote && { [ALLOW_REMOTE]: '1' }) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output = keepOutput(child)
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopGroup(child, mark)
    return stopping
  }
  try {
    const started = await whenListening(child, options.signal)
    return { child, ...started, log: () => output().split('\n'), stop }
  } catch (error) {
    await sleep(LAST_OUTPUT_MS)
    await stop()
    if (options.signal?.aborted) throw new RunError('interrupted')
    if (child.exitCode === NOTHING_EXPORTED) return undefined
    throw new RunError(whyEnded((error as Error).message, output(), options.environment))
  }
}

type Started = Pick<ForeignProcess, 'origin' | 'environment'>

async function whenListening(child: ChildProcess, signal: AbortSignal | undefined): Promise<Started> {
  const { promise, resolve, reject } = Promise.withResolvers<Started>()
  const onAbort = () => reject(new Error('interrupted'))
  const timer = setTimeout(
    () => reject(new Error(`the app did not listen within ${START_TIMEOUT_MS / 1000} s`)),
    START_TIMEOUT_MS,
  )
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  child.on('message', (message: Partial<Started> | null) => {
    if (message?.origin !== undefined) resolve(message as Started)
  })
  child.once('error', reject)
  child.once('exit', (code, ended) =>
    reject(new Error(`the app ended (${ended ?? `exit code ${code}`}) before it listened`)),
  )
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Reads all output, so that the app never waits for its reader, and keeps the last of it. */
function keepOutput(child: ChildProcess): () => string {
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      last = (last + text).slice(-MAX_OUTPUT_CHARACTERS)
    })
  }
  return () => last
}

async function stopGroup(child: ChildProcess, mark: string): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  const isRunning = child.exitCode === null && child.signalCode === null
  if (isRunning) {
    const exited = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })])
  }
  kill(-pid)
  for (const other of markedProcesses(mark)) kill(other)
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It has ended already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Children that left the process group are found by the variable that they inherited. */
function markedProcesses(mark: string): number[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && environOf(name).includes(`${RUN_MARK}=${mark}`))
    .map(Number)
}

function environOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    // It has ended, or belongs to another user.
    return ''
  }
}
