/** Runs wrk, a load generator in C, and reads what it measured. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { prefer } from './target.ts'

const report = fileURLToPath(new URL('wrk-report.lua', import.meta.url))

export type WrkReport = {
  requests: number
  seconds: number
  p50Ms: number
  p99Ms: number
  /** Connections that failed, and reads and writes that did. */
  lost: number
  timeouts: number
}

/** Returns what wrk says of a server, asked for whole seconds. */
export async function runWrk(origin: string, connections: number, seconds: number): Promise<WrkReport> {
  const args = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`]
  const running = promisify(execFile)('wrk', [...args, '--script', report, origin])
  prefer(running.child.pid)
  const { stdout } = await running.catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('this test needs wrk (Debian: apt-get install wrk)') : error
  })
  const [, json] = /^REPORT (.*)$/m.exec(stdout) ?? []
  if (json === undefined) throw new Error(`wrk reported nothing: ${stdout}`)
  return JSON.parse(json) as WrkReport
}
