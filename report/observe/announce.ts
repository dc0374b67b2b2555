/** Loaded into a foreign app before its code: announces where it listens, and ends it where it would leave this machine. */
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { isLocalHost, isRemoteDatabase } from '../subject/addresses.ts'
import { ALLOW_REMOTE, FAILURE_MARK } from './launch.ts'
import { watchModules } from './modules.ts'

/** The Fastify instances of this process, in the order in which they were created. */
export const instances: FastifyInstance[] = []

const startedToListen = new WeakSet<FastifyInstance>()

/** Returns whether the app's own code has started to listen. */
export function listens(app: FastifyInstance): boolean {
  return startedToListen.has(app)
}

/** Ends this process at once with a sentence for the report. */
export function fail(sentence: string): never {
  writeSync(2, `\n${FAILURE_MARK}${sentence.replaceAll(/\s+/g, ' ').trim()}\n`)
  process.kill(process.pid, 'SIGKILL')
  throw new Error(sentence)
}

subscribe('fastify.initialization', message => {
  const { fastify: app } = message as { fastify: FastifyInstance }
  instances.push(app)
  listenOnce(app)
  app.server.once('listening', () => announce(app))
})
if (process.env[ALLOW_REMOTE] === undefined) refuseRemoteDatabases()
// Without the report nothing of this app may go on, even where it ignores SIGTERM.
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'))
process.on('uncaughtExceptionMonitor', note)
process.on('newListener', function noteRejections(event: string | symbol) {
  if (event !== 'unhandledRejection') return
  process.off('newListener', noteRejections)
  // Beside the app's own listener this one changes nothing.
  process.on('unhandledRejection', note)
})

/** Writes why the app does not start, for an app whose own log is silent. */
function note(error: unknown): void {
  writeSync(2, `\n${FAILURE_MARK}${describe(error)}\n`)
}

const OTHER_FRAMEWORKS: Record<string, string> = {
  express: 'Express',
  hono: 'Hono',
  koa: 'Koa',
  '@hapi/hapi': 'hapi',
  restify: 'Restify',
  polka: 'Polka',
  h3: 'H3',
  elysia: 'Elysia',
  next: 'Next.js',
}
const loadedFrameworks = new Set<string>()
const updateModules = watchModules(url => {
  const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1]
  const framework = name === undefined ? undefined : OTHER_FRAMEWORKS[name]
  if (framework !== undefined) loadedFrameworks.add(framework)
})

/** Ends this process where the app runs on another framework. */
export function failOtherFramework(): void {
  updateModules()
  const [framework] = loadedFrameworks
  if (framework === undefined || instances.length > 0) return
  fail(
    `the app runs on ${framework}, and the report observes Fastify: it needs an app on Fastify 4.10 or later`,
  )
}

/** An app may start to listen beside the report: the second call has the result of the first. */
function listenOnce(app: FastifyInstance): void {
  const listen = app.listen.bind(app) as (...args: unknown[]) => Promise<string>
  let first: Promise<string> | undefined
  Object.assign(app, {
    listen(...args: unknown[]) {
      const callback = typeof args.at(-1) === 'function' ? (args.pop() as Callback) : undefined
      startedToListen.add(app)
      first ??= listen(...args).catch(error => {
        first = undefined
        note(error)
        throw error
      })
      if (!callback) return first
      return void first.then(
        address => callback(null, address),
        error => callback(error, ''),
      )
    },
  })
}

type Callback = (error: Error | null, address: string) => void

const ANY_ADDRESS = ['0.0.0.0', '::']

function announce(app: FastifyInstance): void {
  const address = app.server.address()
  if (address === null || typeof address === 'string') fail('the app listens on a socket file, not on a port')
  const { https, http2 } = app.initialConfig
  if (https) fail('the app serves HTTPS, and the report speaks plain HTTP: start it without a certificate')
  if (http2) fail('the app serves HTTP/2 only, and the report speaks HTTP/1.1: start it without http2')
  const host = ANY_ADDRESS.includes(address.address) ? '127.0.0.1' : address.address
  if (!isLocalHost(host))
    fail(`the app listens on ${host} only, and the report calls 127.0.0.1 and [::1] only`)
  process.send?.({
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    environment: { ...process.env },
  })
}

/** The ports of well-known databases, queues and caches. */
const DATABASE_PORTS = [1433, 1521, 3306, 5432, 5433, 5672, 6379, 6380, 6432, 8123, 9042, 9200, 26257, 27017]

function refuseRemoteDatabases(): void {
  const check = (name: string | symbol, value: unknown): void => {
    if (typeof name === 'string' && isRemoteDatabase(name, String(value))) fail(refusal(name))
  }
  process.env = new Proxy(process.env, {
    set(target, name, value) {
      check(name, value)
      return Reflect.set(target, name, value)
    },
    defineProperty(target, name, descriptor) {
      check(name, descriptor.value)
      return Reflect.defineProperty(target, name, descriptor)
    },
  })
  subscribe('net.client.socket', message => {
    const { socket } = message as { socket: Socket }
    socket.on('connectionAttempt', (ip: string, port: number) => {
      if (DATABASE_PORTS.includes(port) && !isLocalHost(ip)) fail(refusal(`${ip}:${port}`))
    })
  })
}

function refusal(what: string): string {
  return `${what} is a database on another machine: the report starts no app on it without --yes`
}

/** Returns an error in one line, with its class where this says more. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isUsual = error.name === 'Error' || error.message.startsWith(error.name)
  return `${isUsual ? '' : `${error.name}: `}${error.message}`.replaceAll(/\s+/g, ' ').trim()
}
