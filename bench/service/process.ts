/** Runs the service as production does, in a process of its own, with the probe loaded into it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { RunError } from '../errors.ts'
import { sleep } from '../load/clock.ts'
import type { Counters } from '../probe/counters.ts'
import { readMetrics } from './metrics.ts'

/** What the bench raises so that it measures the service and not its limiter. Every result says so. */
export const raisedLimits = { RATE_LIMIT_MAX: '1000000', LOGIN_RATE_LIMIT_MAX: '1000000' }

const readyWithinMs = 20_000
const stopWithinMs = 10_000

export interface ServiceOptions {
  /** The checkout to run. */
  root: string
  databaseUrl: string
  /** Where traces go. */
  traces: string
  burnUs?: number
  signal: AbortSignal
}

export interface Service {
  origin: string
  read: () => Promise<Counters>
  stop: () => Promise<void>
}

/** Migrates and seeds the version's own database, with the version's own commands. Throws a RunError with their words. */
export async function prepareDatabase(
  root: string,
  databaseUrl: string,
  users: number,
  signal: AbortSignal,
): Promise<void> {
  const env = { ...process.env, NODE_ENV: 'development', DATABASE_URL: databaseUrl }
  for (const args of [
    ['src/commands/db-migrate.ts'],
    ['src/commands/db-seed.ts', '--users', String(users)],
  ]) {
    await promisify(execFile)(process.execPath, args, { cwd: root, env, signal }).catch(
      (error: Error & { stderr?: string }) => {
        throw new RunError(`${args[0]} failed: ${error.stderr?.trim() || error.message}`)
      },
    )
  }
}

/** Returns the service once it is ready. Throws a RunError with the last line it said when it does not get there. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const metricsToken = randomBytes(24).toString('base64url')
  const child = spawn(
    process.execPath,
    [...preloads(options).flatMap(file => ['--import', file]), 'src/server.ts'],
    {
      cwd: options.root,
      env: serviceEnvironment(options, port, metricsToken),
      // Its own process group: Ctrl-C is for the bench, which then ends the service in order. Log lines are written and
      // go nowhere: a disk would add its own noise.
      ...{ detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    },
  )
  const lastWords = collectLastWords(child)
  try {
    await waitUntilReady(child, origin, options.signal, lastWords)
  } catch (error) {
    await stopProcess(child)
    throw error
  }
  return {
    origin,
    read: async () => {
      const [counters, metrics] = await Promise.all([readCounters(child), readMetrics(origin, metricsToken)])
      return { ...counters, ...metrics }
    },
    stop: () => stopProcess(child),
  }
}

function preloads({ burnUs }: ServiceOptions): string[] {
  const files = ['../probe/preload.ts', ...(burnUs === undefined ? [] : ['../probe/burn.ts'])]
  return files.map(file => new URL(file, import.meta.url).href)
}

function serviceEnvironment(options: ServiceOptions, port: number, metricsToken: string): NodeJS.ProcessEnv {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    ...{ HOST: '127.0.0.1', PORT: String(port), DATABASE_URL: options.databaseUrl },
    ...{ JWT_PRIVATE_KEY: privateKey, METRICS_TOKEN: metricsToken },
    OTEL_EXPORTER_OTLP_ENDPOINT: options.traces,
    // Nobody routes traffic here that would have to be moved elsewhere first.
    DRAIN_DELAY: '0s',
    ...raisedLimits,
    ...(options.burnUs !== undefined && { BENCH_BURN_US: String(options.burnUs) }),
  }
}

async function waitUntilReady(
  child: ChildProcess,
  origin: string,
  signal: AbortSignal,
  lastWords: () => string,
): Promise<void> {
  const deadline = Date.now() + readyWithinMs
  while (Date.now() < deadline && child.exitCode === null && !signal.aborted) {
    const ready = await fetch(`${origin}/health/ready`).catch(() => undefined)
    if (ready?.ok) return
    await sleep(25, signal)
  }
  throw new RunError(signal.aborted ? 'interrupted' : `the service did not start: ${lastWords()}`)
}

function collectLastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-2000)
  })
  return () => text.trim() || 'it said nothing'
}

function readCounters(child: ChildProcess): Promise<Counters> {
  return new Promise((resolve, reject) => {
    const onMessage = (counters: Counters): void => {
      child.off('exit', onExit)
      resolve(counters)
    }
    const onExit = (): void => {
      child.off('message', onMessage)
      reject(new RunError('the service died'))
    }
    if (!child.connected) return onExit()
    child.once('message', onMessage)
    child.once('exit', onExit)
    child.send('bench:read')
  })
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  await exited
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
