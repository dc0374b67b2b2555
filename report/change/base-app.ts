/** Another version of an app: its module, built where the version does not contain it. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { RunError } from '../../harness/errors.ts'

const MAX_BUILD_MS = 300_000

/**
 * Returns the module of the app in the folder of another version. What is compiled is not in git: there, `npm run build` makes
 * it. Throws a RunError where it does not.
 */
export async function moduleIn(
  root: string,
  { module, ownRoot }: { module: string; ownRoot: string },
  signal: AbortSignal,
): Promise<string> {
  const path = relative(resolve(ownRoot), resolve(module))
  const [file = path] = path.split('#')
  if (!existsSync(join(root, file))) await build(root, file, signal)
  return join(root, path)
}

async function build(root: string, file: string, signal: AbortSignal): Promise<void> {
  const manifest = join(root, 'package.json')
  const { scripts = {} } = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as { scripts?: Record<string, string> })
    : {}
  if (scripts.build === undefined) {
    throw new RunError(`that version has no ${file}, and no script "build" that could make it`)
  }
  const options = { cwd: root, signal, timeout: MAX_BUILD_MS, maxBuffer: 64 << 20 }
  await promisify(execFile)('npm', ['run', 'build'], options).catch(
    ({ stdout = '', stderr = '', message }: Error & { stdout?: string; stderr?: string }) => {
      const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n')
      throw new RunError(`npm run build of that version failed: ${lines || message}`)
    },
  )
  if (!existsSync(join(root, file))) throw new RunError(`npm run build of that version did not make ${file}`)
}
