/** One set of metrics for all workers: the first process sums up what they have counted, also what ended ones had. */
import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, Gauge, type Registry } from 'prom-client'
import { errors } from '../http/errors.ts'
import { withTimeout } from '../process/with-timeout.ts'

/** A worker that has not answered by then is left out: Prometheus gives up after 10 s. */
const ANSWER_TIMEOUT_MS = 1000

/** What a worker counted since it was last asked is lost when it is killed: it is asked this often at least. */
const ASK_EVERY_MS = 5000

/** Questions wait in memory while a worker stands still; one that owes so many answers is asked no more. */
const MOST_UNANSWERED = 100

/** prom-client's metrics as plain data, which pass between processes. */
type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** What workers and the first process say to each other; a snapshot that was not asked for is a worker's last. */
type Message =
  | { metrics: 'read'; id: number }
  | { metrics: 'text'; id: number; text: string }
  | { metrics: 'ask'; id: number }
  | { metrics: 'snapshot'; id: number | undefined; snapshot: Snapshot }

/**
 * Returns what reads the metrics of all workers as Prometheus text, and what leaves the last figures of this one with the
 * first process. In a process that is no worker, they are its own metrics.
 */
export function shareMetrics(registry: Registry): {
  read: () => Promise<string>
  close: () => Promise<void>
} {
  if (!cluster.isWorker) return { read: () => registry.metrics(), close: async () => {} }
  const waiting = new Map<number, (text: string) => void>()
  let reads = 0

  const send = (message: Message) =>
    // Also where it could not be sent: then the first process is gone, and this one ends, too.
    new Promise<void>(resolve => process.send?.(message, undefined, undefined, () => resolve()))
  const sendSnapshot = async (id?: number) =>
    send({ metrics: 'snapshot', id, snapshot: await registry.getMetricsAsJSON() })

  function hear(message: Message): void {
    if (message.metrics === 'ask') sendSnapshot(message.id)
    if (message.metrics === 'text') waiting.get(message.id)?.(message.text)
  }

  async function read(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>()
    reads += 1
    const id = reads
    waiting.set(id, resolve)
    send({ metrics: 'read', id })
    const late = 'The first process did not send the metrics in time'
    return withTimeout(2 * ANSWER_TIMEOUT_MS, promise, late)
      .catch((error: Error) => {
        throw Object.assign(new errors.Overloaded(), { message: error.message })
      })
      .finally(() => waiting.delete(id))
  }

  async function close(): Promise<void> {
    await sendSnapshot()
    process.off('message', hear)
  }

  process.on('message', hear)
  return { read, close }
}

/** In the first process: sums up for any worker that wants to know. `configured` is how many workers there should be. */
export function collectWorkerMetrics(configured: number): void {
  const latest = new Map<Worker, Snapshot>()
  const unanswered = new Map<Worker, Map<number, (isAnswered: boolean) => void>>()
  let past: object[] = []
  let questions = 0

  cluster.on('message', async (worker: Worker, message: Message) => {
    if (message.metrics === 'snapshot') keep(worker, message.snapshot, message.id)
    if (message.metrics === 'read') tell(worker, { metrics: 'text', id: message.id, text: await readAll() })
  })

  // After it, no message comes from that worker; its `exit` may be earlier than its last.
  cluster.on('disconnect', retire)

  /** Adds what a worker had counted to the past. */
  function retire(worker: Worker): void {
    past = sum([past, totalsOf(latest.get(worker))]).getMetricsAsArray()
    latest.delete(worker)
    for (const settle of unanswered.get(worker)?.values() ?? []) settle(false)
    unanswered.delete(worker)
  }

  /** Of a worker that ends before it has taken a connection from the first process, Node reports no `disconnect`. */
  function retireEnded(): void {
    for (const worker of latest.keys()) if (worker.isDead() && !worker.isConnected()) retire(worker)
  }

  function keep(worker: Worker, snapshot: Snapshot, question = 0): void {
    latest.set(worker, snapshot)
    const questions = unanswered.get(worker) ?? new Map<number, (isAnswered: boolean) => void>()
    for (const [id, settle] of questions) {
      // What an earlier one asked for is answered as well.
      if (id > question) break
      settle(true)
      questions.delete(id)
    }
  }

  /** Asks the worker for its metrics, and returns whether they came in time. */
  async function hasAnswered(worker: Worker): Promise<boolean> {
    const open = unanswered.get(worker) ?? new Map<number, (isAnswered: boolean) => void>()
    unanswered.set(worker, open)
    if (open.size >= MOST_UNANSWERED) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    questions += 1
    open.set(questions, resolve)
    tell(worker, { metrics: 'ask', id: questions })
    return withTimeout(ANSWER_TIMEOUT_MS, promise, 'no answer').catch(() => false)
  }

  async function readAll(): Promise<string> {
    const workers = connectedWorkers()
    const answers = await Promise.all(workers.map(hasAnswered))
    const reporting = new Set(workers.filter((_worker, index) => answers[index]))
    // Of one that did not answer, totals stay as they were: a total that goes down is counted again by Prometheus.
    const snapshots = Array.from(latest, ([worker, snapshot]) =>
      reporting.has(worker) ? snapshot : totalsOf(snapshot),
    )
    const all = sum([past, ...snapshots])
    const show = (name: string, help: string, value: number) =>
      new Gauge({ name, help, registers: [all] }).set(value)
    show('workers_configured', 'Workers that there should be', configured)
    show(
      'workers_reporting',
      'Workers whose present figures are in these metrics; of others, former totals are',
      reporting.size,
    )
    return all.metrics()
  }

  setInterval(() => {
    retireEnded()
    for (const worker of connectedWorkers()) hasAnswered(worker)
  }, ASK_EVERY_MS).unref()
}

/** The workers that have not ended. */
export function runningWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined)
}

function connectedWorkers(): Worker[] {
  return runningWorkers().filter(worker => worker.isConnected())
}

function tell(worker: Worker, message: Message): void {
  if (!worker.isConnected()) return
  worker.send(message, () => {
    // Where it could not be sent, the worker has ended: `disconnect` follows.
  })
}

/** What only grows. A gauge has no meaning when its worker is gone, or does not answer. */
function totalsOf(snapshot: Snapshot = []): Snapshot {
  return snapshot.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}

function sum(snapshots: object[][]): Registry {
  return AggregatorRegistry.aggregate(snapshots)
}
