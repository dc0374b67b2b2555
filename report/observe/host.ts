/** Runs any Fastify app for the report: `node host.ts <module> [<export>]`. */
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { describe, fail, failOtherFramework, instances, listens } from './announce.ts'
import { type Candidate, findCandidate, isApp } from './candidates.ts'
import { NOTHING_EXPORTED } from './launch.ts'

/** How long an app that exports an instance may take to listen by itself. */
const OWN_START_MS = 1500
const POLL_MS = 50
const ADDRESS = { host: '127.0.0.1', port: 0 }

/** The apps that were created while the module was loaded, not by a function that it exports. */
const wasLoaded = new WeakSet<object>()
const [file = '', name] = process.argv.slice(2)
// A module that asks whether it is the main one does not start by itself here.
process.on('SIGTERM', () => void close())

try {
  const exports = (await import(pathToFileURL(file).href)) as Record<string, unknown>
  for (const app of instances) wasLoaded.add(app)
  await start(exports)
} catch (error) {
  fail(describe(error))
}

async function start(exports: Record<string, unknown>): Promise<void> {
  const candidate = findCandidate(exports, name)
  if (name !== undefined && !candidate) fail(`the module exports no app and no function named ${name}`)
  const [own] = instances
  if (!candidate) {
    if (own) return listen(own)
    for (const end = Date.now() + OWN_START_MS; Date.now() < end && !instances[0]; ) await sleep(POLL_MS)
    if (instances[0]) return listen(instances[0])
    failOtherFramework()
    process.exit(NOTHING_EXPORTED)
  }
  if (own && candidate.kind === 'handler') return listen(own)
  // An app that is listening already was found, with or without the export.
  if (instances.some(listens)) return
  const app = await build(candidate, exports)
  if (instances.some(listens)) return
  if (app === undefined) failOtherFramework()
  if (app === undefined) fail('the module exports no Fastify app, no function that builds one, and no plugin')
  await listen(app as FastifyInstance)
}

/** Returns the app; undefined where the function returned none and created none. */
async function build(candidate: Candidate, exports: Record<string, unknown>): Promise<object | undefined> {
  if (candidate.kind === 'app') return candidate.value
  if (candidate.kind === 'plugin') return hostPlugin(candidate.value, exports)
  const count = instances.length
  const built: unknown = await callBuilder(candidate.value, exports)
  if (isApp(built)) return built
  // Some functions return the app beside other things, or start it and return nothing.
  const inside = Object.values((built ?? {}) as object).find(isApp)
  return inside ?? instances[count] ?? instances[0]
}

/** A function that calls methods of its first argument is a plugin, with any names of parameters. */
async function callBuilder(value: Builder, exports: Record<string, unknown>): Promise<unknown> {
  const count = instances.length
  try {
    return await value({})
  } catch (error) {
    const isPlugin = error instanceof TypeError && value.length > 0 && instances.length === count
    if (isPlugin && /is not a function/.test(error.message)) return hostPlugin(value, exports)
    throw error
  }
}

type Builder = (options: object) => unknown

/** As fastify-cli does: the app's own Fastify, with the options that the module exports. */
async function hostPlugin(plugin: unknown, exports: Record<string, unknown>): Promise<object> {
  const require = createRequire(file)
  const { default: create } = await import(pathToFileURL(resolveFastify(require)).href)
  const { options = {} } = { ...(exports.default as object | undefined), ...exports } as { options?: object }
  const app = create(options) as FastifyInstance
  await app.register(plugin as Parameters<typeof app.register>[0])
  return app
}

function resolveFastify(require: NodeJS.Require): string {
  try {
    return require.resolve('fastify')
  } catch {
    fail('the module exports a Fastify plugin, but the package fastify is not installed beside it')
  }
}

async function listen(app: FastifyInstance): Promise<void> {
  if (!instances.includes(app) && 'register' in app) {
    fail(
      `the app runs on Fastify ${app.version ?? 'of an old version'}, and the report observes 4.10 and later`,
    )
  }
  // Code that was loaded may be about to listen, on the port that it wants.
  const end = Date.now() + (wasLoaded.has(app) ? OWN_START_MS : 0)
  while (Date.now() < end && !listens(app)) await sleep(POLL_MS)
  if (listens(app)) return
  // Nest takes a port and a host.
  if ('getHttpAdapter' in app) await (app as unknown as NestApp).listen(0, ADDRESS.host)
  else await app.listen(ADDRESS)
}

type NestApp = { listen: (port: number, host: string) => Promise<unknown> }

async function close(): Promise<void> {
  await Promise.allSettled(instances.map(app => app.close()))
  process.exit(0)
}
