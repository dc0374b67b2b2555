/** Starts a Node.js process that serves HTTP, watches it, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../src/process/free-port.ts'
import { inheritedEnvironment } from './environment.ts'
import { RunError } from './errors.ts'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const POLL_MS = 25
/** How much of its output an error message quotes. */
const MAX_QUOTED_CHARACTERS = 2000

/** Fastify's log line, in JSON or made readable. */
const LISTENING = /Server listening at (http:\/\/[^"\s]+)/

export type ProcessOptions = {
  /** What messages call it. */
  name: string
  /** Arguments of Node.js: flags, the script, its own arguments. */
  args: readonly string[]
  cwd: string
  /** All that it gets besides `inheritedEnvironment()`. */
  environment: NodeJS.ProcessEnv
  /**
   * A path that responds with a 2xx once it is ready, on the HOST and PORT that are chosen here. Without it, the process is
   * ready when it logs that it listens, or sends a message `{ origin }`.
   */
  readyPath?: string | undefined
  startTimeoutMs?: number
  /** Called with each line of its standard output. Where it is absent and there is a `readyPath`, the output is dropped. */
  onOutput?: ((line: string) => void) | undefined
  /** Called with each piece of its standard error. */
  onErrorOutput?: ((text: string) => void) | undefined
  /** Opens a channel for messages. */
  messages?: boolean
  /** Gives it a process group of its own, so that Ctrl-C reaches only its owner, which then stops it in order. */
  detached?: boolean
  /** The most files that it may open; as many as this process unless given. */
  maxOpenFiles?: number | undefined
  signal?: AbortSignal | undefined
}

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

export type RunningProcess = {
  child: ChildProcess
  pid: number
  origin: string
  exited: Promise<Exit>
  /** Returns how it ended by itself and what it wrote last; undefined while it runs. */
  describeEnd: () => string | undefined
  /** Sends SIGTERM, and SIGKILL where that is not enough after 10 s. */
  stop: () => Promise<void>
}

/** Returns the process once it is ready. Throws a RunError with its last output where it does not start. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { name, readyPath, signal } = options
  const port = readyPath === undefined ? undefined : await freePort()
  if (signal?.aborted) throw new RunError('interrupted')
  const child = spawnNode(options, port === undefined ? {} : { HOST: '127.0.0.1', PORT: String(port) })
  const exited = exitOf(child)
  const lines = child.stdout ? createInterface(child.stdout) : undefined
  const lastOutput = lines ? keepLast(lines, 'line') : () => ''
  const lastErrors = child.stderr ? keepLast(child.stderr.setEncoding('utf8'), 'data') : () => ''
  if (options.onOutput) lines?.on('line', options.onOutput)
  if (options.onErrorOutput) child.stderr?.on('data', options.onErrorOutput)
  try {
    const origin = await whenReady({ child, lines, port }, options)
    return {
      child,
      pid: child.pid ?? 0,
      origin,
      exited,
      describeEnd: () =>
        hasEnded(child)
          ? `${name} ended (${child.signalCode ?? child.exitCode}): ${lastErrors() || 'no output'}`
          : undefined,
      stop: () => stopProcess(child, exited),
    }
  } catch (error) {
    await stopProcess(child, exited)
    if (signal?.aborted) throw new RunError('interrupted')
    const quoted = [lastErrors(), lastOutput()].filter(Boolean).join('\n') || 'no output'
    throw new RunError(`${name} did not start: ${(error as Error).message}: ${quoted}`)
  }
}

function spawnNode(options: ProcessOptions, address: NodeJS.ProcessEnv): ChildProcess {
  const { args, cwd, environment, maxOpenFiles, readyPath, onOutput, messages, detached = false } = options
  const limit = maxOpenFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${maxOpenFiles}; exec "$0" "$@"`]
  const [command = '', ...parameters] = [...limit, process.execPath, ...args]
  const isOutputRead = onOutput !== undefined || readyPath === undefined
  return spawn(command, parameters, {
    cwd,
    env: { ...inheritedEnvironment(), ...environment, ...address },
    detached,
    // Output that is dropped is still written: to a disk it would add the disk's noise to a measurement.
    stdio: ['ignore', isOutputRead ? 'pipe' : 'ignore', 'pipe', ...(messages ? ['ipc' as const] : [])],
  })
}

/** Resolves when the process has ended, also where it could not be started. */
function exitOf(child: ChildProcess): Promise<Exit> {
  const { promise, resolve } = Promise.withResolvers<Exit>()
  child.once('exit', (code, signal) => resolve({ code, signal }))
  child.once('error', () => child.pid === undefined && resolve({ code: null, signal: null }))
  return promise
}

/** Returns what reads the last output of a stream: its lines, or its pieces. */
function keepLast(stream: NodeJS.EventEmitter, event: 'line' | 'data'): () => string {
  const separator = event === 'line' ? '\n' : ''
  let last = ''
  stream.on(event, (text: string) => {
    last = (last + text + separator).slice(-MAX_QUOTED_CHARACTERS)
  })
  return () => last.trim()
}

type Started = { child: ChildProcess; lines: Interface | undefined; port: number | undefined }

/** Resolves with the origin. Rejects where the process ends, takes too long, or the signal fires. */
async function whenReady(
  started: Started,
  { readyPath, startTimeoutMs = START_TIMEOUT_MS, signal }: ProcessOptions,
): Promise<string> {
  const { child, port } = started
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const waiting = new AbortController()
  const onAbort = (): void => reject(new Error('interrupted'))
  const timer = setTimeout(
    () => reject(new Error(`not ready after ${startTimeoutMs / 1000} s`)),
    startTimeoutMs,
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  child.once('error', reject)
  // Its last output may still be in the pipe when it exits: `close` comes after that.
  child.once('close', (code, ended) => reject(new Error(`exited with ${ended ?? code}`)))
  if (port === undefined) listenForOrigin(started, resolve)
  else void pollUntilReady(`http://127.0.0.1:${port}`, readyPath ?? '/', waiting.signal, resolve)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    waiting.abort()
    signal?.removeEventListener('abort', onAbort)
  }
}

function listenForOrigin({ child, lines }: Started, resolve: (origin: string) => void): void {
  child.on('message', (message: { origin?: string }) => message.origin && resolve(message.origin))
  const onLine = (line: string): void => {
    const origin = LISTENING.exec(line)?.[1]
    if (origin === undefined) return
    lines?.off('line', onLine)
    resolve(origin)
  }
  lines?.on('line', onLine)
}

async function pollUntilReady(
  origin: string,
  path: string,
  signal: AbortSignal,
  resolve: (origin: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    const response = await fetch(origin + path, { signal }).catch(() => undefined)
    if (response?.ok) return resolve(origin)
    await sleep(POLL_MS)
  }
}

/** Returns whether the process has exited, by itself or not. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function stopProcess(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (hasEnded(child)) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}
