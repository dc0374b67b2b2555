/** The service as a process of its own, as production runs it, reached over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../src/config/config.ts'
import { testEnvironment } from './config.ts'
import { bareEnvironment } from './environment.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Has a service end when the process that runs the tests is gone, killed or not. */
export const ENDS_WITH_US = `--parent=${process.pid}`

export type Service = Awaited<ReturnType<typeof startService>>

/**
 * Starts `src/server.ts` in production mode on a free port, and resolves when it listens. The caller stops it.
 * `nodeFlags` go before the script. It may open `openFiles` files, or as many as this process.
 */
export async function startService(
  databaseUrl: string,
  overrides: Environment = {},
  nodeFlags: string[] = [],
  openFiles?: number,
) {
  const environment = testEnvironment(databaseUrl, {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    DRAIN_DELAY: '0s',
    ...overrides,
  })
  const limit = openFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${openFiles}; exec "$0" "$@"`]
  const [command = '', ...parameters] = [...limit, process.execPath, ...nodeFlags, 'src/server.ts']
  const child = spawn(command, parameters, {
    cwd: ROOT,
    env: { ...bareEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', text => errors.push(text))
  const exited = once(child, 'exit').then(
    ([code, signal]) => ({ code, signal }) as { code: number | null; signal: string | null },
  )
  const origin = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      log.push(line)
      const address = /Server listening at (http:\/\/[^"\s]+)/.exec(line)?.[1]
      if (address) resolve(address)
    })
    exited.then(({ code }) =>
      reject(new Error(`the service exited with ${code}: ${[...errors, ...log].join('\n')}`)),
    )
  })
  return { origin, child, pid: child.pid as number, log, errors, exited, stop: () => stop(child, exited) }
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  // A test may have stopped it with SIGSTOP.
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  await exited
}
