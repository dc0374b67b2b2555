/** Starts autocannon in a process of its own, and is that process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { quantile } from '../../stats/summary.ts'

const file = fileURLToPath(import.meta.url)

const WARM_UP_MS = 200
const WINDOW_MS = 1000

export type AutocannonReport = {
  rate: number
  p50Ms: number
  p99Ms: number
}

export type AutocannonProcess = {
  pid: number | undefined
  /** Returns what autocannon says of the server, after a second. */
  measure: () => Promise<AutocannonReport>
  stop: () => Promise<void>
}

/** Returns a process in which autocannon's code is compiled. */
export async function startAutocannon(origin: string, connections: number): Promise<AutocannonProcess> {
  const child = fork(file, [origin, `${connections}`], { execArgv: [] })
  const measure = async (): Promise<AutocannonReport> => {
    const answered = once(child, 'message')
    child.send('measure')
    const [report]: AutocannonReport[] = await answered
    if (!report) throw new Error('autocannon reported nothing')
    return report
  }
  await measure()
  return {
    pid: child.pid,
    measure,
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

if (process.argv[1] === file) {
  const [, , url = '', connections] = process.argv
  process.on('disconnect', () => process.exit())
  process.on('message', () => {
    const times: number[] = []
    const startedAt = performance.now() + WARM_UP_MS
    const duration = (WARM_UP_MS + WINDOW_MS + 100) / 1000
    const load = autocannon({ url, connections: Number(connections), duration }, () => {
      const rate = times.length / (WINDOW_MS / 1000)
      process.send?.({ rate, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) })
    })
    // Its own histogram counts whole milliseconds.
    load.on('response', (_client, _status, _bytes, ms) => {
      const at = performance.now() - startedAt
      if (at >= 0 && at < WINDOW_MS) times.push(ms)
    })
  })
}
