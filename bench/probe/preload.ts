/** Loaded into the measured process by `--import`: answers its parent's questions about CPU, event loop, GC and memory. */
import cluster, { type Worker } from 'node:cluster'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { now } from '../load/clock.ts'
import { addCounters, type Counters, type Question } from './counters.ts'

let gcPauseMs = 0
let gcCount = 0

new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    gcPauseMs += entry.duration
    gcCount++
  }
}).observe({ entryTypes: ['gc'] })

process.on('message', (message: unknown) => {
  if (message === 'bench:read' || message === 'bench:collect') void answer(message)
})
// Without its parent nobody would ever end this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// Listening must not keep a service alive that wants to end.
process.channel?.unref()

/** Workers have this probe, too: the process that leads them answers for all. */
async function answer(question: Question): Promise<void> {
  const workers = Object.values(cluster.workers ?? {}).filter(worker => worker?.isConnected())
  const theirs = await Promise.all(workers.flatMap(worker => (worker ? [askWorker(worker, question)] : [])))
  if (question === 'bench:collect') collect()
  process.send?.(addCounters(read(), theirs))
}

function askWorker(worker: Worker, question: Question): Promise<Counters> {
  const { promise, resolve, reject } = Promise.withResolvers<Counters>()
  const settle = (act: () => void): void => {
    worker.off('message', onMessage)
    worker.off('exit', onExit)
    act()
  }
  // The service has its own messages on this channel.
  const onMessage = (message: Partial<Counters>): void => {
    if (message.loopActiveMs !== undefined) settle(() => resolve(message as Counters))
  }
  const onExit = (): void => settle(() => reject(new Error('a worker died')))
  worker.on('message', onMessage)
  worker.on('exit', onExit)
  worker.send(question)
  return promise
}

function read(): Counters {
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  return {
    at: now(),
    cpuUs: cpu.user + cpu.system,
    loopActiveMs: loop.active,
    loopIdleMs: loop.idle,
    gcPauseMs,
    gcCount,
    rssBytes: process.memoryUsage.rss(),
  }
}

/** Collects all garbage. The flag is set only now, so that a process that is not asked runs as it does in production. */
function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}
