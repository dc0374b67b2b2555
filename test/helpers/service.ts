/** The service as a process of its own, as production runs it, reached over HTTP. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startService as startProcess } from '../../harness/service.ts'
import type { Environment } from '../../src/config/config.ts'
import { testEnvironment } from './config.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Makes a service end when the process that runs the tests has ended in any way. */
export const ENDS_WITH_US = `--parent=${process.pid}`

export type Service = Awaited<ReturnType<typeof startService>>

/** A service starts in 1 s, and in 20 times that on a busy machine. */
const START_TIMEOUT_MS = 90_000

/**
 * Starts `src/server.ts` in production mode on a free port, and resolves when it listens. The caller stops it.
 * `nodeFlags` go before the script. It may open `maxOpenFiles` files, or as many as this process.
 */
export async function startService(
  databaseUrl: string,
  overrides: Environment = {},
  nodeFlags: string[] = [],
  maxOpenFiles?: number,
) {
  const log: string[] = []
  const errors: string[] = []
  const { child, exited, origin, pid } = await startProcess({
    root: ROOT,
    environment: testEnvironment(databaseUrl, {
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      DRAIN_DELAY: '0s',
      ...overrides,
    }),
    nodeFlags,
    maxOpenFiles,
    onOutput: line => log.push(line),
    onErrorOutput: text => errors.push(text),
    startTimeoutMs: START_TIMEOUT_MS,
  })
  return { origin, child, pid, log, errors, exited, stop: () => stop(child, exited) }
}

/** Stops a service by SIGTERM. One that does not end fails the test. */
async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  // A test may have stopped it with SIGSTOP.
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  await exited
}
