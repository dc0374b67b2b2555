/** Creates a fresh checkout of the sources under test, and starts npm scripts in it as a person does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inheritedEnvironment } from '../../harness/environment.ts'
import type { Environment } from '../../src/config/config.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { stopServers } from '../../src/db/embedded-process.ts'
import { ENDS_WITH_US, ROOT } from './service.ts'
import { until } from './until.ts'

/** A first start takes 3 s, and on a busy host ten times that. */
const READY_WITHIN_MS = 90_000

export type Checkout = Awaited<ReturnType<typeof createCheckout>>

/**
 * Copies the sources to `name` in a folder of the given mode. `remove` also ends the processes in it. For production, it
 * has the packages that npm installs with `--omit=dev`.
 */
export async function createCheckout(name: string, mode = 0o755, { forProduction = false } = {}) {
  const parent = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-checkout-`))
  await chmod(parent, mode)
  const folder = join(parent, name)
  await mkdir(folder)
  for (const part of ['src', 'drizzle', 'package.json']) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true })
  }
  const installed = await realpath(join(ROOT, 'node_modules'))
  if (forProduction) await linkProductionPackages(installed, join(folder, 'node_modules'))
  else await symlink(installed, join(folder, 'node_modules'))
  const started: ReturnType<typeof launch>[] = []

  function launch(environment: Environment = {}, user?: { uid: number; gid: number }) {
    const child = spawn(process.execPath, ['src/server.ts', ENDS_WITH_US], {
      cwd: folder,
      env: { ...inheritedEnvironment(), PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', text => {
        output[name] += text
      })
    }
    const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
    return { child, output, exited }
  }

  /** Starts the service as `npm start` does, and returns at once. */
  function run(...args: Parameters<typeof launch>) {
    const service = launch(...args)
    started.push(service)
    return service
  }

  return {
    folder,
    run,
    /** Starts the service, and returns when it is ready. */
    async start(...args: Parameters<typeof launch>) {
      const service = run(...args)
      const isReady = () => / is ready\.$/m.test(service.output.stdout)
      const hasEnded = () => service.child.exitCode !== null
      await until('ready', () => isReady() || hasEnded(), READY_WITHIN_MS).catch(cause => {
        throw new Error(`it is not ready: ${JSON.stringify(service.output)}`, { cause })
      })
      if (hasEnded()) throw new Error(`it ended: ${JSON.stringify(service.output)}`)
      const origin = /API +(\S+)\/api\/v1/.exec(service.output.stdout)?.[1] ?? ''
      return { ...service, origin }
    },
    async remove() {
      for (const { child, exited } of started) {
        child.kill('SIGKILL')
        await exited
      }
      const link = join(folder, '.data/postgres')
      const data = await realpath(link).catch(() => link)
      await stopServers(join(data, 'data'))
      await rm(data, { recursive: true, force: true })
      await rm(parent, { recursive: true, force: true })
    },
  }
}

/** Leaves out the packages that the lockfile marks as development packages. */
async function linkProductionPackages(from: string, to: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  await mkdir(to)
  for (const [path, { dev, link }] of Object.entries<{ dev?: boolean; link?: boolean }>(packages)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    if (name === undefined || dev || link || !existsSync(join(from, name))) continue
    await mkdir(dirname(join(to, name)), { recursive: true })
    await symlink(join(from, name), join(to, name))
  }
}
