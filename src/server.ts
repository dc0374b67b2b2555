/** The process of the service: environment, app, listener and end. `npm start` runs it. */
import cluster from 'node:cluster'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { type Config, type Environment, isProduction, loadConfig, readEnvironment } from './config/config.ts'
import { preferCommonJsDrizzle } from './db/drizzle-commonjs.ts'
import { explain, UserFacingError } from './lib/user-facing-error.ts'
import { createLogStream, type LogStream } from './observability/log-stream.ts'
import { createLifecycle, type Lifecycle } from './process/lifecycle.ts'
import { watchParent } from './process/parent.ts'
import { setYoungGenerationSize } from './process/v8-flags.ts'
import { originForPeople, welcome } from './process/welcome.ts'

/** How much longer than its workers the first process may take to end, in milliseconds. */
const WORKER_SLACK_MS = 2000

const NO_PRETTY_LOG =
  'Log lines are JSON: LOG_FORMAT=pretty, the default in development, needs pino-pretty, a development dependency.'

setYoungGenerationSize()
preferCommonJsDrizzle()

let log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error' | 'fatal'> | undefined

// Where a terminal or a pipe is closed, or a disk is full, errors cannot be reported, and the service continues.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

const lifecycle = createLifecycle({
  onEnd({ exitCode, what, error }) {
    if (exitCode === 0) log?.info({ signal: what }, 'shutting down')
    else if (log) log.fatal({ err: error }, what)
    else process.stderr.write(`${explain(error)}\n`)
  },
})

// A worker ends with the first process. The first process ends with its parent where it was started with --parent.
const options = cluster.isWorker
  ? []
  : watchParent(process.argv.slice(2), () =>
      lifecycle.end({ exitCode: 0, what: 'the parent process has ended' }),
    )

try {
  await lifecycle.start(() => start(readEnvironment(), lifecycle))
} catch (error) {
  await lifecycle.end({ exitCode: 1, what: 'start failed', error })
}

async function start(given: Environment, lifecycle: Lifecycle): Promise<void> {
  const environment = await complete(given, lifecycle.onClose)
  const { modules } = await import('./modules/index.ts')
  const config = loadConfig(environment, modules)
  lifecycle.limit(config.shutdown.drainDelay + config.shutdown.timeout)
  if (lifecycle.isEnding()) return
  // The first process migrates the database of development before its workers start.
  if (!config.production && !cluster.isWorker) {
    const { migrateForDevelopment } = await import('./process/development.ts')
    await migrateForDevelopment(config, given)
  }
  const isLeader = config.workers > 1 && !cluster.isWorker
  const origin = isLeader ? await lead(config, environment, lifecycle) : await serve(config, lifecycle)
  if (origin === undefined || config.production || cluster.isWorker) return
  if (!options.includes('--again'))
    process.stdout.write(welcome(await originForPeople(origin), config.server))
  // `npm run dev` shows it once.
  process.send?.('welcomed')
}

/** Serves in this process, and returns its origin. */
async function serve(config: Config, lifecycle: Lifecycle): Promise<string | undefined> {
  // Loaded only now: it takes a second, in which signals have to be handled.
  const { buildApp } = await import('./app.ts')
  const logStream = await openLog(config, lifecycle)
  const app = await buildApp(config, logStream)
  log = app.log
  app.metrics.observeCounter(
    'log_lines_dropped_total',
    'Log lines that could not be written',
    logStream.dropped,
  )
  if (!cluster.isWorker) warn(config, log)
  lifecycle.onClose(() => app.close())
  if (lifecycle.isEnding()) return
  // An address, not "localhost": for that name Fastify opens a second server, which our hooks do not see or drain.
  const { address: host } = await lookup(config.server.host)
  await app.listen({ host, port: config.server.port })
  lifecycle.onClose(() => app.drain(config.shutdown.drainDelay))
  return app.listeningOrigin
}

/** Serves in workers, and returns their origin. This process may take longer to end than each worker. */
async function lead(
  config: Config,
  environment: Environment,
  lifecycle: Lifecycle,
): Promise<string | undefined> {
  const [{ startWorkers }, { loggerOptions }] = await Promise.all([
    import('./process/workers.ts'),
    import('./observability/log.ts'),
  ])
  lifecycle.limit(config.shutdown.drainDelay + config.shutdown.timeout + WORKER_SLACK_MS)
  const logger = pino(loggerOptions(config.log), await openLog(config, lifecycle))
  log = logger
  warn(config, log)
  const { isEnding, onClose } = lifecycle
  return startWorkers({ count: config.workers, environment, log: logger, isEnding, onClose })
}

/** Logs the warnings about the settings. */
function warn({ warnings }: Config, to: Pick<FastifyBaseLogger, 'warn'>): void {
  for (const warning of warnings) to.warn(warning)
}

/** Returns the environment with a signing key and a database in development. In production nothing is generated. */
async function complete(environment: Environment, onClose: Lifecycle['onClose']): Promise<Environment> {
  // A worker gets the environment that the first process has completed.
  if (isProduction(environment) || cluster.isWorker) return environment
  const development = await import('./process/development.ts')
  const withKey = development.provideSigningKey(environment)
  // The other settings and the port are checked before a database is started.
  const { modules } = await import('./modules/index.ts')
  const { server } = loadConfig({ DATABASE_URL: development.DATABASE_PLACEHOLDER, ...withKey }, modules)
  await claimPort(server)
  if (environment.DATABASE_URL !== undefined) return withKey
  const database = await development.startDatabase(environment)
  onClose(database.stop)
  return { ...withKey, DATABASE_URL: database.url }
}

/** Throws UserFacingError where the port cannot be listened on: now, not after a database was started. */
async function claimPort({ host, port }: { host: string; port: number }): Promise<void> {
  const probe = createServer().listen(port, host)
  await once(probe, 'listening').catch(({ code }: NodeJS.ErrnoException) => {
    throw new UserFacingError(
      code === 'EADDRINUSE'
        ? `Port ${port} is taken. Choose another: PORT=${port < 65_535 ? port + 1 : 3000} npm start`
        : `Cannot listen on ${host}, port ${port} (${code}). Set HOST and PORT to what this machine has.`,
    )
  })
  probe.close()
  await once(probe, 'close')
}

/** Opens the log stream. It is opened first and closed last: its last lines are about the closing of the others. */
async function openLog({ log: settings, workers }: Config, { onClose }: Lifecycle): Promise<LogStream> {
  const stream = createLogStream({
    isShared: workers > 1,
    onLoss: loss => log?.error(loss, 'log lines were dropped: they could not be written to standard output'),
  })
  onClose(stream.settle)
  process.on('exit', stream.finish)
  if (settings.format === 'json') return stream
  const { prettify } = await import('./observability/pretty-log.ts')
  const pretty = await prettify(stream)
  if (pretty !== undefined) return pretty
  const { loggerOptions } = await import('./observability/log.ts')
  if (!cluster.isWorker) pino(loggerOptions(settings), stream).warn(NO_PRETTY_LOG)
  return stream
}
