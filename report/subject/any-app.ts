/** Starts any Fastify app: a module that exports one, builds one, listens by itself, or is a plugin. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { RunError } from '../../harness/errors.ts'
import { packageRoot } from '../observe/loaded.ts'
import type { Settings } from '../options.ts'
import { remoteDatabases } from './addresses.ts'
import { type ForeignOptions, startForeign } from './foreign-process.ts'
import { createQuestions, PRELOAD } from './process.ts'
import { namedSecrets } from './secrets.ts'
import type { Subject } from './subject.ts'
import { typescriptArguments } from './typescript.ts'

export type AnyAppOptions = Pick<Settings, 'allowWrites' | 'yes'>

const HOST = fileURLToPath(new URL('../observe/host.ts', import.meta.url))
const ANNOUNCE = new URL('../observe/announce.ts', import.meta.url).href

/**
 * Starts the app of a module in its own process group, with the caller's environment. `module` may end with `#<export>`.
 * Throws a RunError of one sentence where it does not listen, or where its database is on another machine.
 */
export async function startAnyApp(
  module: string,
  { allowWrites, yes }: AnyAppOptions,
  signal?: AbortSignal,
): Promise<Subject> {
  const { file, name } = locate(module)
  const root = packageRoot(file)
  const environment = ownEnvironment()
  const known = { ...readEnvironmentFiles(root), ...environment }
  if (!yes) refuseRemote(known)
  const flags = ['--enable-source-maps', ...typescriptArguments(file, root), '--import', PRELOAD]
  const options = { root, environment, allowsRemote: yes, signal }
  const app = await startEither(file, [HOST, file, ...(name === undefined ? [] : [name])], {
    ...options,
    args: [...flags, '--import', ANNOUNCE],
  })
  const questions = createQuestions(app.child)
  return {
    root,
    module: relative(root, file),
    origin: app.origin,
    allowsWrites: allowWrites,
    trace: questions.trace,
    tables: questions.tables,
    stall: questions.stall,
    log: app.log,
    observation: await questions.observation(),
    observe: questions.observation,
    secrets: namedSecrets({ ...known, ...app.environment }),
    stop: app.stop,
  }
}

/** In a host that loads it, or, where it exports nothing, as the main module. */
async function startEither(file: string, hosted: readonly string[], options: ForeignOptions) {
  const { args } = options
  const app =
    (await startForeign({ ...options, args: [...args, ...hosted] })) ??
    (await startForeign({ ...options, args: [...args, file] }).catch((error: RunError) => {
      if (!/exit code 0/.test(error.message)) throw error
      return undefined
    }))
  if (app) return app
  throw new RunError(
    'the module exports no Fastify app, no function that builds one and no plugin, and it does not listen by itself',
  )
}

/** Returns the folder of a module's app. Throws a RunError where there is no such module. */
export function rootOf(module: string): string {
  return packageRoot(locate(module).file)
}

function locate(module: string): { file: string; name?: string } {
  const [, path = module, name] = (!existsSync(module) && /^(.+)#([\w$]+)$/.exec(module)) || []
  const file = resolve(path)
  if (!existsSync(file)) throw new RunError(`there is no module ${path}`)
  if (!statSync(file).isFile()) throw new RunError(`${path} is a folder: name the module in it`)
  return { file, ...(name !== undefined && { name }) }
}

/** The variables that npm sets are about this package, not about the app. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/.test(name)))
}

const ENVIRONMENT_FILE = /^\.env(\.local|\.dev(elopment)?(\.local)?)?$/

/** Returns the variables of the files that apps load by themselves. */
function readEnvironmentFiles(root: string): NodeJS.ProcessEnv {
  const files = readdirSync(root).filter(
    name => ENVIRONMENT_FILE.test(name) || name === `.env.${process.env.NODE_ENV}`,
  )
  const all = files.map(name => join(root, name)).filter(file => statSync(file).isFile())
  return Object.assign({}, ...all.map(file => parseEnv(readFileSync(file, 'utf8'))))
}

function refuseRemote(environment: NodeJS.ProcessEnv): void {
  const remote = remoteDatabases(environment)
  if (remote.length === 0) return
  const [what, one] = [remote.join(', '), remote.length === 1]
  throw new RunError(
    `${what} ${one ? 'names a database' : 'name databases'} on another machine: add --yes to start the app on it`,
  )
}
