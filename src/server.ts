/** The process: environment, app, listener and end. `npm start` runs it. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type DestinationStream, destination } from 'pino'
import { type Config, type Environment, isProduction, loadConfig, readEnvironment } from './config.ts'
import { preferCommonJsDrizzle } from './lean-imports.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { explain, PlainError } from './plain-error.ts'

/** Bytes of log lines that are written at once: a write for each line costs 5 µs of CPU per request. */
const LOG_BUFFER = 4096

/** Longest time that a line waits for others, in milliseconds. */
const LOG_FLUSH_MS = 100

/** Bytes that wait for a reader who has stopped; lines beyond them are dropped, since memory is worth more. */
const LOG_BACKLOG = 16_777_216

preferCommonJsDrizzle()

let app: FastifyInstance | undefined

const lifecycle = createLifecycle({
  onEnd({ exitCode, what, error }) {
    if (exitCode === 0) app?.log.info({ signal: what }, 'shutting down')
    else if (app) app.log.fatal({ err: error }, what)
    else process.stderr.write(`${explain(error)}\n`)
  },
})

try {
  await lifecycle.start(() => start(readEnvironment(), lifecycle))
} catch (error) {
  await lifecycle.end({ exitCode: 1, what: 'start failed', error })
}

async function start(environment: Environment, { onClose, limit, isEnding }: Lifecycle): Promise<void> {
  const config = await configure(environment, onClose)
  limit(config.shutdown.drainDelay + config.shutdown.timeout)
  if (isEnding()) return
  // Only now: loading them takes a second, in which a signal should already be heard.
  const [{ buildApp }, { migrate }] = await Promise.all([import('./app.ts'), import('./db/migrate.ts')])
  if (!config.production) await migrate(config.database.directUrl)

  const built = await buildApp(config, await logStream(config))
  app = built
  onClose(() => built.close())
  if (isEnding()) return
  await built.listen({ host: config.server.host, port: config.server.port })
  onClose(() => built.drain(config.shutdown.drainDelay))
  if (!config.production) welcome(built)
}

/** The configuration, with what development provides for itself: only there is anything made up. */
async function configure(environment: Environment, onClose: Lifecycle['onClose']): Promise<Config> {
  if (isProduction(environment)) return loadConfig(environment)
  const development = await import('./development.ts')
  const withKey = development.provideSigningKey(environment)
  // What is wrong with the rest, and whether the port is free, before a server is started.
  const { server } = loadConfig({ DATABASE_URL: development.DATABASE_PLACEHOLDER, ...withKey })
  await claimPort(server)
  if (environment.DATABASE_URL !== undefined) return loadConfig(withKey)
  const database = await development.startDatabase(environment)
  onClose(database.stop)
  return loadConfig({ ...withKey, DATABASE_URL: database.url })
}

/** Fails now, rather than after a database was started, where the port is taken. Throws PlainError. */
async function claimPort({ host, port }: { host: string; port: number }): Promise<void> {
  const probe = createServer().listen(port, host)
  await once(probe, 'listening').catch(({ code }: NodeJS.ErrnoException) => {
    throw new PlainError(
      code === 'EADDRINUSE'
        ? `Port ${port} is taken. Choose another: PORT=${port < 65_535 ? port + 1 : 3000} npm start`
        : `Cannot listen on ${host}, port ${port} (${code}). Set HOST and PORT to what this machine has.`,
    )
  })
  probe.close()
  await once(probe, 'close')
}

async function logStream({ log }: Config): Promise<DestinationStream> {
  if (log.format === 'json') {
    const stream = destination({
      sync: false,
      minLength: LOG_BUFFER,
      maxLength: LOG_BACKLOG,
      periodicFlush: LOG_FLUSH_MS,
    })
    process.on('exit', () => stream.flushSync())
    return stream
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'requestId,traceId,ip,method,route,path,status,durationMs,userId,code',
    messageFormat: '{msg}{if status}: {method} {path} {status} {code} in {durationMs} ms{end}',
  })
}

/** Says what is where, to a person who has just started it for the first time. */
function welcome({ listeningOrigin: origin }: FastifyInstance): void {
  const json = `-H 'content-type: application/json'`
  process.stdout.write(`
  Plumbline is ready.

    API      ${origin}/api/v1
    Docs     ${origin}/docs
    Health   ${origin}/health/live  ${origin}/health/ready

    A first token:
      curl ${origin}/api/v1/auth/register ${json} \\
        -d '{"email":"ada@example.com","password":"correct horse battery","displayName":"Ada"}'
      curl ${origin}/api/v1/auth/login ${json} \\
        -d '{"email":"ada@example.com","password":"correct horse battery"}'

`)
}
