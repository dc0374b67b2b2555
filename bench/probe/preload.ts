/** Loaded into the measured process by `--import`: answers its parent's questions about CPU, event loop, GC and memory. */
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { now } from '../load/clock.ts'
import type { Counters } from './counters.ts'

let gcPauseMs = 0
let gcCount = 0

new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    gcPauseMs += entry.duration
    gcCount++
  }
}).observe({ entryTypes: ['gc'] })

process.on('message', (message: unknown) => {
  if (message === 'bench:read') process.send?.(read())
})
// Without its parent nobody would ever end this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// Listening must not keep a service alive that wants to end.
process.channel?.unref()

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
