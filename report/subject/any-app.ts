/** Starts any Fastify app: a module that exports one, or a function that builds one. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ReportError } from '../errors.ts'
import { packageRoot } from '../observe/loaded.ts'
import { startObserved } from './process.ts'
import { valuesOf } from './reference.ts'
import type { Subject } from './subject.ts'

const HOST = fileURLToPath(new URL('../observe/host.ts', import.meta.url))

/** Starts the app of a module in a process of its own, on a free port, with the environment of the caller. */
export async function startAnyApp(module: string, signal?: AbortSignal): Promise<Subject> {
  const file = resolve(module)
  if (!existsSync(file)) throw new ReportError(`there is no module ${module}`)
  const root = packageRoot(file)
  const app = await startObserved({
    root,
    args: [HOST, file],
    environment: { ...process.env },
    ...(signal && { signal }),
  })
  return {
    ...{
      root,
      module: relative(root, file),
      origin: app.origin,
      trace: app.trace,
      stall: app.stall,
      log: () => app.log,
    },
    observation: await app.observation(),
    observe: app.observation,
    secrets: secretValues(),
    stop: app.stop,
  }
}

/** The caller's environment is full of paths and locale names; what looks like a secret is hidden all the same. */
function secretValues(): string[] {
  const named = Object.entries(process.env).filter(([name]) =>
    /SECRET|TOKEN|KEY|PASS|CREDENTIAL|DATABASE_URL|REDIS_URL/i.test(name),
  )
  return valuesOf(Object.fromEntries(named))
}
