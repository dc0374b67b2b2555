/** Starts any Fastify app: a module that exports one, or a function that builds one. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunError } from '../../harness/errors.ts'
import { packageRoot } from '../observe/loaded.ts'
import type { Settings } from '../options.ts'
import { startObserved } from './process.ts'
import { secretsOf } from './secrets.ts'
import type { Subject } from './subject.ts'

export type AnyAppOptions = Pick<Settings, 'allowWrites' | 'yes'>

const HOST = fileURLToPath(new URL('../observe/host.ts', import.meta.url))

/** Starts the app of a module in its own process, on a free port, with the caller's environment. */
export async function startAnyApp(
  module: string,
  { allowWrites }: AnyAppOptions,
  signal?: AbortSignal,
): Promise<Subject> {
  const file = resolve(module)
  if (!existsSync(file)) throw new RunError(`there is no module ${module}`)
  const root = packageRoot(file)
  const app = await startObserved({ root, args: [HOST, file], environment: { ...process.env }, signal })
  return {
    root,
    module: relative(root, file),
    origin: app.origin,
    allowsWrites: allowWrites,
    trace: app.trace,
    stall: app.stall,
    log: () => app.log,
    observation: await app.observation(),
    observe: app.observation,
    secrets: ownSecrets(),
    stop: app.stop,
  }
}

/** Most variables of a shell are paths and locale names. Only those with the name of a secret are hidden. */
function ownSecrets(): string[] {
  const named = Object.entries(process.env).filter(([name]) =>
    /SECRET|TOKEN|KEY|PASS|CREDENTIAL|DATABASE_URL|REDIS_URL/i.test(name),
  )
  return secretsOf(Object.fromEntries(named))
}
