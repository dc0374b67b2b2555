/** A server of known behaviour, in a process of its own, to test the bench with. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import type { Behaviour } from './target-process.ts'

export type Target = {
  pid: number
  origin: string
  stop: () => Promise<void>
}

/** Returns a running server; `stop` ends it. */
export async function startTarget(behaviour: Behaviour): Promise<Target> {
  const child = fork(new URL('./target-process.ts', import.meta.url), [behaviour], { execArgv: [] })
  const [port] = await once(child, 'message')
  return {
    pid: child.pid ?? 0,
    origin: `http://127.0.0.1:${port}`,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

/** Runs `work` with a server of that behaviour, which ends in any case. */
export async function against<T>(behaviour: Behaviour, work: (target: Target) => Promise<T>) {
  const target = await startTarget(behaviour)
  try {
    return await work(target)
  } finally {
    await target.stop()
  }
}

/**
 * Puts processes before all others of the machine, where the system allows it (root may): a test of tenths of a millisecond
 * is then one of the code, not of what else the machine has to do. Threads that they start later follow.
 */
export function prefer(...pids: (number | undefined)[]): void {
  for (const pid of pids) {
    try {
      if (pid) setPriority(pid, -20)
    } catch {
      // An ordinary user may not; the test then needs a machine that is less busy.
    }
  }
}
