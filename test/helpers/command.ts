/** Runs the commands of src/commands as processes of their own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import type { Environment } from '../../src/config/config.ts'
import { ROOT } from './service.ts'

/** Runs `src/commands/<command>.ts` to its end, and returns its exit code and its output. */
export async function runCommand(command: string, args: string[], environment: Environment) {
  const child = spawn(process.execPath, [`src/commands/${command}.ts`, ...args], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), NODE_ENV: 'test', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: code as number | null, stdout, stderr }
}
