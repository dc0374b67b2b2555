/** Loaded into a service before its own code (`node --import`): observes it, and replies to the report's questions. */
import { subscribe } from 'node:diagnostics_channel'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { watchInstance } from './hooks.ts'
import { watchPackages, watchVariables } from './loaded.ts'
import type { Observation, ObserverReply, Question } from './observation.ts'
import { watchSettings } from './settings.ts'
import { watchTables } from './tables.ts'

const root = process.cwd()
const packages = watchPackages(root)
const variables = watchVariables(root)
const settings = watchSettings()
const tables = watchTables(root)
const watched: ReturnType<typeof watchInstance>[] = []

// Fastify's own channel. It reports every instance, also those that an app creates for its own use.
subscribe('fastify.initialization', message => {
  watched.push(watchInstance((message as { fastify: FastifyInstance }).fastify, root))
})

process.on('message', async (question: Question) => {
  if (typeof question?.report !== 'number') return
  const message: ObserverReply = { report: question.report, reply: await replyTo(question) }
  process.send?.(message)
})
// When its parent is gone, this process must end.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// The channel must not keep the process alive.
process.channel?.unref()

async function replyTo(question: Question): Promise<unknown> {
  const main = watched.find(({ app }) => app.server.listening)
  if (!main) return undefined
  if (question.ask === 'trace') return main.traces.get(question.id) ?? []
  if (question.ask === 'observation') return observe(main)
  if (question.ask === 'stall') return void setImmediate(stall)
  if (question.ask === 'tables') return tables()
  // The app has loaded this module, so its exports are the objects that the app uses.
  const exported = (await import(pathToFileURL(question.module).href)) as Record<string, unknown>
  return JSON.parse(JSON.stringify(exported[question.name] ?? null))
}

/** Longer than the event loop delay at which services shed load, and repeated, so that samples show only such delays. */
const STALL_MS = 1200
const STALLS = 3

async function stall(): Promise<void> {
  for (let turn = 0; turn < STALLS; turn++) {
    // Blocks this thread without using the processor.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MS)
    await nextTurn()
  }
}

function observe({ app, entry, hooks, routes }: ReturnType<typeof watchInstance>): Observation {
  return {
    node: { version: process.version, lts: process.release.lts },
    fastify: app.version,
    entry,
    hooks,
    routes: routes().flat(),
    packages: packages(),
    variables: variables(),
    settings: settings(),
  }
}
