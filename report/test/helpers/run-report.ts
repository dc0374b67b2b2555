/** Runs `npm run report` in a process of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inheritedEnvironment } from '../../../harness/environment.ts'
import { ROOT } from '../../generate.ts'

/** A report takes at most 15 s, one of a change twice that, and either several times as long on a busy machine. */
const TIMEOUT_MS = 180_000

/** Returns the exit code and the output of the report of a checkout. */
export async function runReport(args: readonly string[], folder = ROOT, env: NodeJS.ProcessEnv = {}) {
  const run = promisify(execFile)(process.execPath, ['report/main.ts', ...args], {
    cwd: folder,
    maxBuffer: 64 << 20,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { ...inheritedEnvironment(), HOME: folder, ...env },
  })
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  )
}
