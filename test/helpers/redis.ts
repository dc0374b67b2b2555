/** A Redis server on a free port, which a test may kill, freeze and start again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { freePort } from '../../src/process/free-port.ts'

export type RedisServer = Awaited<ReturnType<typeof startRedis>>

/** Returns whether Redis is installed. The service does not need it. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'])
    return true
  } catch {
    // Not on the PATH.
    return false
  }
}

/** Starts a server that keeps nothing on disk. The caller removes it. */
export async function startRedis() {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-redis-`))
  let child = await launch(port, folder)

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    /** Starts it again, empty, on the same port. */
    async restart(): Promise<void> {
      await kill()
      child = await launch(port, folder)
    },
    async remove(): Promise<void> {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function launch(port: number, folder: string): Promise<ChildProcess> {
  const settings = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('Ready to accept connections')) {
      child.stdout.resume()
      return child
    }
  }
  throw new Error('Redis ended before it was ready')
}
