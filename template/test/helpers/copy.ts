/** A copy of this repository with a history of its own, in which the commands of the template run as a person runs them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../../src/config/service-name.ts'
import { until } from '../../../test/helpers/until.ts'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

const IDENTITY = { GIT_AUTHOR_NAME: 'Test', GIT_AUTHOR_EMAIL: 'test@example.com' }
const COMMITTER = { GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@example.com' }
const MAX_OUTPUT = 64 << 20

/** A first start makes a database; a busy host takes its time. */
const READY_WITHIN_MS = 120_000

export type Copy = Awaited<ReturnType<typeof copyRepository>>

/** Copies what git would commit. The packages are a link to ours until `install`. The folder goes when the test ends. */
export async function copyRepository() {
  const folder = createFolder()
  const listed = await runIn(ROOT, 'git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  for (const path of listed.stdout.split('\0').filter(name => name && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    copyFileSync(join(ROOT, path), join(folder, path))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir')
  const checkout = openCheckout(folder)
  await checkout.git('init', '--quiet', '--initial-branch=main')
  // A link, which the pattern of a folder does not cover.
  await checkout.git('config', 'core.excludesFile', join(folder, '.git/info/exclude'))
  await promisify(execFile)('sh', ['-c', 'echo node_modules >.git/info/exclude'], { cwd: folder })
  await checkout.commit('first')
  return checkout
}

/** Returns an empty folder that goes when the test ends. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${SERVICE_ID}-template-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** The commands that a person runs in a checkout. */
export function openCheckout(folder: string) {
  const git = async (...args: string[]) => (await must(runIn(folder, 'git', args))).stdout.trim()
  const npm = (...args: string[]) => runIn(folder, 'npm', args)
  return {
    folder,
    git,
    npm,
    /** Runs `npm run template`. Returns how it ended, and what it wrote. */
    template: (...args: string[]) => npm('run', '--silent', 'template', '--', ...args),
    /** Installs from the cache where it can. */
    async install(): Promise<void> {
      rmSync(join(folder, 'node_modules'), { recursive: true, force: true })
      await must(npm('ci', '--prefer-offline', '--no-audit', '--no-fund'))
    },
    async commit(message: string): Promise<void> {
      await git('add', '--all')
      await git('commit', '--quiet', '--message', message)
    },
    /** The name that git has for all files as they are committed. */
    tree: () => git('rev-parse', 'HEAD^{tree}'),
    start: () => startService(folder),
  }
}

/** Fails where a command fails, with what it wrote. */
export async function must(running: ReturnType<typeof runIn>) {
  const result = await running
  if (result.code !== 0) throw new Error(`exit code ${result.code}:\n${result.stdout}\n${result.stderr}`)
  return result
}

/** Runs `npm start`, and returns the address of the service once it is ready. */
async function startService(folder: string) {
  const env = { ...environment(), PORT: '0', LOG_FORMAT: 'json' }
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  onTestFinished(() => killGroup(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const originOf = () => /API +(\S+)\/api\/v1/.exec(output)?.[1]
  const isReady = () => originOf() !== undefined || child.exitCode !== null
  await until('ready', isReady, READY_WITHIN_MS)
  const origin = originOf()
  if (origin === undefined) throw new Error(`it ended: ${output}`)
  return {
    origin,
    async stop(): Promise<void> {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

function killGroup({ pid, exitCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function runIn(folder: string, file: string, args: readonly string[]) {
  const options = { cwd: folder, env: environment(), maxBuffer: MAX_OUTPUT }
  return promisify(execFile)(file, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  )
}

/** Without what npm and vitest tell the programs that they start. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|VITEST|NODE_ENV|PG|PORT$|CI$)/i.test(name),
  )
  return { ...Object.fromEntries(own), ...IDENTITY, ...COMMITTER, npm_config_update_notifier: 'false' }
}
