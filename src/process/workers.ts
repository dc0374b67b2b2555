/** Runs several worker processes on one port, to use several cores: the primary starts them, and replaces those that die. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { collectWorkerMetrics, runningWorkers } from '../observability/worker-metrics.ts'

/** Between the end of a worker and its replacement: a worker that fails at start must not be restarted all the time. */
const RESTART_PAUSE_MS = 1000

export type Workers = Awaited<ReturnType<typeof startWorkers>>

type Options = {
  count: number
  /** The environment of the workers, over that of this process. */
  environment: Record<string, string | undefined>
  log: Pick<FastifyBaseLogger, 'error'>
  /** Returns whether this process is ending: then no worker is replaced. */
  isEnding: () => boolean
  /** Receives, before the first start, a function that ends all workers. It rejects where one of them ended with an error. */
  onClose: (close: () => Promise<unknown>) => void
}

/** Signals that end the service. */
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** Longest time, on a busy machine, between the first and the last process of a group that gets a signal. */
const SIGNAL_SPREAD_MS = 1000

/**
 * Starts the workers, which run this program, and returns the origin that they serve; undefined where the end came first.
 * A worker that dies is replaced. Throws UserFacingError where one of the first does not start; it has printed the reason.
 */
export async function startWorkers(options: Options): Promise<string | undefined> {
  const { count, environment, log, isEnding, onClose } = options
  const fork = () => cluster.fork(environment)
  const replace = async (worker: Worker) => {
    if (await isPartOfEnd(worker, isEnding)) return
    const { exitCode, signalCode } = worker.process
    log.error({ code: exitCode, signal: signalCode }, 'a worker ended and is replaced')
    await sleep(RESTART_PAUSE_MS, undefined, { ref: false })
    if (!isEnding()) keep(fork())
  }
  const keep = (worker: Worker) => {
    // One of the first may have ended while the others were starting.
    if (worker.isDead()) replace(worker)
    else worker.once('exit', () => replace(worker))
  }
  onClose(() => Promise.all(runningWorkers().map(endWorker)))
  collectWorkerMetrics(count)

  const first = Array.from({ length: count }, fork)
  const [origin] = await Promise.all(first.map(worker => listeningOrigin(worker, isEnding)))
  for (const worker of first) keep(worker)
  return origin
}

async function listeningOrigin(worker: Worker, isEnding: () => boolean): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  worker.once('listening', ({ address, port }) => resolve(`http://${hostOf(address)}:${port}`))
  worker.once('exit', async () =>
    (await isPartOfEnd(worker, isEnding))
      ? resolve(undefined)
      : reject(new UserFacingError('A worker did not start.')),
  )
  return promise
}

/**
 * Returns whether a worker ended because all of them do. A terminal sends Ctrl-C to all processes: a worker may end before
 * it listens, and before this process gets the signal.
 */
async function isPartOfEnd({ process: { exitCode, signalCode } }: Worker, isEnding: () => boolean) {
  const isAsked = exitCode === 0 || (signalCode !== null && END_SIGNALS.includes(signalCode))
  if (isAsked && !isEnding()) await sleep(SIGNAL_SPREAD_MS)
  return isEnding()
}

/** Returns an address as part of a URL; the loopback address for a listener on all addresses. */
function hostOf(address: string | null): string {
  if (address === null || address === '::' || address === '0.0.0.0') return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}

/** Asks a worker to drain and end, and waits for it. Rejects where it ends with an error. */
async function endWorker(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const exit = once(worker, 'exit') as Promise<[number | null, string | null]>
  worker.process.kill('SIGTERM')
  const [code, signal] = await exit
  // A worker that is starting has nothing to close, and ends by the signal itself.
  if (code !== 0 && signal !== 'SIGTERM') throw new Error(`a worker ended with ${signal ?? code}`)
}
