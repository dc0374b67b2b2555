/** Loaded into a service before its own code (`node --import`): observes it, and answers the report's questions. */
import { subscribe } from 'node:diagnostics_channel'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { watchInstance } from './hooks.ts'
import { watchPackages, watchVariables } from './loaded.ts'
import type { Answer, Observation, Question } from './observation.ts'

const root = process.cwd()
const packages = watchPackages(root)
const variables = watchVariables(root)
const watched: ReturnType<typeof watchInstance>[] = []

// Fastify's own channel: it speaks of every instance, also of those that an app makes for its own use.
subscribe('fastify.initialization', message => {
  watched.push(watchInstance((message as { fastify: FastifyInstance }).fastify, root))
})

process.on('message', async (question: Question) => {
  if (typeof question?.report !== 'number') return
  const answer: Answer = { report: question.report, answer: await answerTo(question) }
  process.send?.(answer)
})
// Without its parent nobody would ever end this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
// Answering questions is no reason to stay alive.
process.channel?.unref()

async function answerTo(question: Question): Promise<unknown> {
  const main = watched.find(({ app }) => app.server.listening)
  if (!main) return undefined
  if (question.ask === 'trace') return main.traces.get(question.id) ?? []
  if (question.ask === 'observation') return observe(main)
  if (question.ask === 'stall') return void setImmediate(stall)
  // The app has loaded it: this is the very object that it works with.
  const exported = (await import(pathToFileURL(question.module).href)) as Record<string, unknown>
  return JSON.parse(JSON.stringify(exported[question.name] ?? null))
}

/**
 * Longer than services let their event loop be late before they shed load, and often enough that whoever samples it
 * sees nothing else.
 */
const STALL_MS = 1200
const STALLS = 3

async function stall(): Promise<void> {
  for (let turn = 0; turn < STALLS; turn++) {
    // Blocks this thread without a turn, and without a load on the machine.
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
  }
}
