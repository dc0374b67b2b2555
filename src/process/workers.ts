/** Several processes that serve one port, for more than one core: the primary starts them, and replaces those that die. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { UserFacingError } from '../lib/user-facing-error.ts'
import { collectWorkerMetrics, runningWorkers } from '../observability/worker-metrics.ts'

/** Between the death of a worker and its successor: one that dies at its start must not become a storm of starts. */
const RESTART_PAUSE_MS = 1000

export type Workers = Awaited<ReturnType<typeof startWorkers>>

type Options = {
  count: number
  /** The environment of the workers, over that of this process. */
  environment: Record<string, string | undefined>
  log: Pick<FastifyBaseLogger, 'error'>
  /** Whether this process is on its way out: no worker is missed then. */
  isEnding: () => boolean
  /** Given before anything is started: what ends all workers, and rejects where one of them ended in disorder. */
  onClose: (close: () => Promise<unknown>) => void
}

/** Signals that end the service. */
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** Between the first and the last process of a group that hears a signal, on a busy machine. */
const SIGNAL_SPREAD_MS = 1000

/**
 * Starts the workers, each of which runs this program, and returns the origin that they serve together; undefined where
 * the end came first. A worker that dies is replaced. Throws UserFacingError where one of the first does not come to listen; it
 * has said why.
 */
export async function startWorkers(options: Options): Promise<string | undefined> {
  const { count, environment, log, isEnding, onClose } = options
  const fork = () => cluster.fork(environment)
  const replace = async (worker: Worker) => {
    if (await isPartOfEnd(worker, isEnding)) return
    const { exitCode, signalCode } = worker.process
    log.error({ code: exitCode, signal: signalCode }, 'a worker ended, another takes its place')
    await sleep(RESTART_PAUSE_MS, undefined, { ref: false })
    if (!isEnding()) keep(fork())
  }
  const keep = (worker: Worker) => {
    // One of the first may have died while the others were still starting.
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
 * Whether a worker ended because all of them do. A terminal sends Ctrl-C to all processes: a worker may be gone before it
 * comes to listen, and before this process has heard the signal.
 */
async function isPartOfEnd({ process: { exitCode, signalCode } }: Worker, isEnding: () => boolean) {
  const isAsked = exitCode === 0 || (signalCode !== null && END_SIGNALS.includes(signalCode))
  if (isAsked && !isEnding()) await sleep(SIGNAL_SPREAD_MS)
  return isEnding()
}

/** An address as part of a URL; whoever listens on all of them is reached on the loopback one. */
function hostOf(address: string | null): string {
  if (address === null || address === '::' || address === '0.0.0.0') return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}

/** Asks a worker to drain and end, and waits for it. Rejects where it ends in disorder. */
async function endWorker(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const exit = once(worker, 'exit') as Promise<[number | null, string | null]>
  worker.process.kill('SIGTERM')
  const [code, signal] = await exit
  // One that is about to start has nothing to close yet, and ends by the signal itself.
  if (code !== 0 && signal !== 'SIGTERM') throw new Error(`a worker ended with ${signal ?? code}`)
}
