/** Sums up the metrics of all workers in the first process, also those of workers that have ended. */
import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, Gauge, type Registry } from 'prom-client'
import { errors } from '../http/errors.ts'
import { withTimeout } from '../process/with-timeout.ts'

/** A worker that has not responded by then is left out: Prometheus stops waiting after 10 s. */
const RESPONSE_TIMEOUT_MS = 1000

/** A killed worker loses its counts since the last question: it is asked at least this often. */
const ASK_EVERY_MS = 5000

/** Questions wait in memory while a worker is blocked; one with so many open questions is not asked again. */
const MOST_OPEN_QUESTIONS = 100

/** prom-client's metrics as plain data, to send between processes. */
type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** The messages between workers and the first process. A snapshot without an id is a worker's last. */
type Message =
  | { metrics: 'read'; id: number }
  | { metrics: 'text'; id: number; text: string }
  | { metrics: 'ask'; id: number }
  | { metrics: 'snapshot'; id: number | undefined; snapshot: Snapshot }

/**
 * Returns `read`, which returns the metrics of all workers as Prometheus text, and `close`, which sends the last values of
 * this worker to the first process. In a process that is no worker, `read` returns its own metrics.
 */
export function shareMetrics(registry: Registry): {
  read: () => Promise<string>
  close: () => Promise<void>
} {
  if (!cluster.isWorker) return { read: () => registry.metrics(), close: async () => {} }
  const waiting = new Map<number, (text: string) => void>()
  let reads = 0

  const send = (message: Message) =>
    // Resolves also where it could not be sent: the first process has ended then, and this one ends too.
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
    return withTimeout(2 * RESPONSE_TIMEOUT_MS, promise, late)
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

/** Collects the metrics of the workers in the first process. `configured` is the number of workers that should run. */
export function collectWorkerMetrics(configured: number): void {
  const latest = new Map<Worker, Snapshot>()
  const openQuestions = new Map<Worker, Map<number, (hasResponded: boolean) => void>>()
  let past: object[] = []
  let questions = 0

  cluster.on('message', async (worker: Worker, message: Message) => {
    if (message.metrics === 'snapshot') keep(worker, message.snapshot, message.id)
    if (message.metrics === 'read') send(worker, { metrics: 'text', id: message.id, text: await readAll() })
  })

  // After `disconnect` no message comes from that worker; `exit` may come before its last message.
  cluster.on('disconnect', retire)

  /** Adds the counts of a worker that has ended to the past. */
  function retire(worker: Worker): void {
    past = sum([past, totalsOf(latest.get(worker))]).getMetricsAsArray()
    latest.delete(worker)
    for (const settle of openQuestions.get(worker)?.values() ?? []) settle(false)
    openQuestions.delete(worker)
  }

  /** Retires workers without a `disconnect`: Node reports none for a worker that ends before its first connection. */
  function retireEnded(): void {
    for (const worker of latest.keys()) if (worker.isDead() && !worker.isConnected()) retire(worker)
  }

  function keep(worker: Worker, snapshot: Snapshot, question = 0): void {
    latest.set(worker, snapshot)
    const questions = openQuestions.get(worker) ?? new Map<number, (hasResponded: boolean) => void>()
    for (const [id, settle] of questions) {
      // The snapshot is a response to earlier questions too.
      if (id > question) break
      settle(true)
      questions.delete(id)
    }
  }

  /** Asks the worker for its metrics, and returns whether they came in time. */
  async function hasResponded(worker: Worker): Promise<boolean> {
    const open = openQuestions.get(worker) ?? new Map<number, (hasResponded: boolean) => void>()
    openQuestions.set(worker, open)
    if (open.size >= MOST_OPEN_QUESTIONS) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    questions += 1
    open.set(questions, resolve)
    send(worker, { metrics: 'ask', id: questions })
    return withTimeout(RESPONSE_TIMEOUT_MS, promise, 'no response').catch(() => false)
  }

  async function readAll(): Promise<string> {
    const workers = connectedWorkers()
    const responses = await Promise.all(workers.map(hasResponded))
    const reporting = new Set(workers.filter((_worker, index) => responses[index]))
    // The totals of a worker that did not respond stay: Prometheus would count a total that goes down again.
    const snapshots = Array.from(latest, ([worker, snapshot]) =>
      reporting.has(worker) ? snapshot : totalsOf(snapshot),
    )
    const all = sum([past, ...snapshots])
    const show = (name: string, help: string, value: number) =>
      new Gauge({ name, help, registers: [all] }).set(value)
    show('workers_configured', 'Workers that should run', configured)
    show(
      'workers_reporting',
      'Workers whose present values are in these metrics; of other workers, the last totals are',
      reporting.size,
    )
    return all.metrics()
  }

  setInterval(() => {
    retireEnded()
    for (const worker of connectedWorkers()) hasResponded(worker)
  }, ASK_EVERY_MS).unref()
}

/** Returns the workers that have not ended. */
export function runningWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined)
}

function connectedWorkers(): Worker[] {
  return runningWorkers().filter(worker => worker.isConnected())
}

function send(worker: Worker, message: Message): void {
  if (!worker.isConnected()) return
  worker.send(message, () => {
    // Where it could not be sent, the worker has ended, and `disconnect` follows.
  })
}

/** Returns the metrics that only grow. The gauges of a worker that has ended or does not respond mean nothing. */
function totalsOf(snapshot: Snapshot = []): Snapshot {
  return snapshot.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}

function sum(snapshots: object[][]): Registry {
  return AggregatorRegistry.aggregate(snapshots)
}
