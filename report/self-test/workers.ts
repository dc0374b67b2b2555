/** Runs trials in several processes at once. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Order, Ready, Result } from './worker.ts'

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))

/** Several times what a report takes on a busy machine. */
const TIMEOUT_MS = 300_000

export type Outcome = Result & { seconds: number }

export type Workers = ReturnType<typeof createWorkers>

type Place = {
  /** The checkout that the workers copy. */
  root: string
  /** The URL of a migrated database, which each trial copies. */
  template: string
  /** The folder of compiled code, which the processes share. */
  cache: string
}

/** Returns a function that runs a trial in the next free process. At most `count` run at the same time. */
export function createWorkers(place: Place, count: number, signal: AbortSignal) {
  const idle: Worker[] = []
  const all: Worker[] = []
  const waiting: ((worker: Worker) => void)[] = []
  let databases = 0
  let cpu = 0

  async function take(): Promise<Worker> {
    const free = idle.pop()
    if (free) return free
    if (all.length >= count) return new Promise(resolve => waiting.push(resolve))
    const worker = startWorker(place)
    all.push(worker)
    return worker
  }

  function giveBack(worker: Worker): void {
    const next = waiting.shift()
    if (next) next(worker)
    else idle.push(worker)
  }

  async function replace(worker: Worker): Promise<Worker> {
    await end(worker)
    const fresh = startWorker(place)
    all.splice(all.indexOf(worker), 1, fresh)
    return fresh
  }

  async function end(worker: Worker): Promise<void> {
    cpu += cpuSecondsOf(worker.child.pid)
    await worker.end()
  }

  return {
    /** Returns the rows of a trial, or of the healthy service, or why there are none. */
    async run(name: string | undefined): Promise<Outcome> {
      let worker = await take()
      const start = performance.now()
      databases += 1
      const result = await worker.run({ run: name, database: `trial_${databases}` }, signal)
      if ('error' in result && result.error === TOO_LONG) worker = await replace(worker)
      giveBack(worker)
      return { ...result, seconds: (performance.now() - start) / 1000 }
    },

    /** Ends the processes, and returns the CPU seconds that they and their services took. */
    async end(): Promise<number> {
      await Promise.all(all.map(end))
      return cpu
    },
  }
}

type Worker = ReturnType<typeof startWorker>

const TOO_LONG = `no report within ${TIMEOUT_MS / 1000} s`

function startWorker({ root, template, cache }: Place) {
  const child = fork(WORKER, [root, template], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // A third of the CPU time of a start is compilation, and most files are the same in every trial.
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  })
  const ready = once(child, 'message').then(([message]) => (message as Ready).folder)
  // The first order reports it.
  ready.catch(() => {})

  return {
    child,

    async run(order: Order, signal: AbortSignal): Promise<Result> {
      await ready
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
      const exited = new AbortController()
      const onExit = () => exited.abort()
      child.once('exit', onExit)
      child.send(order)
      return once(child, 'message', { signal: AbortSignal.any([limit, exited.signal]) })
        .then(([message]) => message as Result)
        .catch(() => ({
          error: exited.signal.aborted ? 'the process ended' : signal.aborted ? 'interrupted' : TOO_LONG,
        }))
        .finally(() => child.off('exit', onExit))
    },

    async end(): Promise<void> {
      const folder = await ready.catch(() => undefined)
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit')
        child.disconnect()
        await exit
      }
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Ticks of the kernel's clock in a second. Linux reports CPU time in them, with the same number on every machine. */
const TICKS = 100

/** Returns the CPU seconds of a process and of its children that have ended; 0 where the system does not say. */
export function cpuSecondsOf(pid: ChildProcess['pid']): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // proc(5): utime, stime, cutime and cstime are the fields 14 to 17. The name in field 2 may have spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS
  } catch {
    // Only Linux has this file.
    return 0
  }
}
