/** Loaded into the measured process by `--import`: reports CPU, event loop, GC and memory to its parent. */
import cluster from 'node:cluster'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { now } from '../load/clock.ts'
import { askAgent } from './ask.ts'
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
  if (message === 'bench:read' || message === 'bench:collect') void respond(message)
})
// Without its parent, nothing would end this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// Listening must not keep a service alive that wants to end.
process.channel?.unref()

/** Workers have this agent too: the process that leads them responds for all. */
async function respond(question: Question): Promise<void> {
  const workers = Object.values(cluster.workers ?? {}).flatMap(worker => worker?.process ?? [])
  const theirs = await Promise.all(
    workers.filter(({ connected }) => connected).map(worker => askAgent(worker, question, 'a worker')),
  )
  if (question === 'bench:collect') collect()
  process.send?.(addCounters(read(), theirs))
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
