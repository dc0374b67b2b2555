/** The service as a function: what is registered, in the order in which a request meets it. */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { DestinationStream } from 'pino'
import type { Config } from './config/config.ts'
import { environmentSchemaOf } from './config/schema.ts'
import { database } from './db/plugin.ts'
import { clientAddress } from './http/client-address.ts'
import { connectionCap } from './http/connection-cap.ts'
import { connections } from './http/connections.ts'
import { docsPage } from './http/docs-page.ts'
import { errorHandler, refuseUnrouted } from './http/error-handler.ts'
import { createCatalogue } from './http/errors.ts'
import { health } from './http/health.ts'
import { methodNotAllowed } from './http/method-not-allowed.ts'
import { openapi } from './http/openapi.ts'
import { overload } from './http/overload.ts'
import { parserErrors, sendParserError } from './http/parser-errors.ts'
import { rateLimit } from './http/rate-limit.ts'
import { securityHeaders } from './http/security-headers.ts'
import { shutdown } from './http/shutdown.ts'
import { slowReaders } from './http/slow-readers.ts'
import { validation } from './http/validation.ts'
import { registerModules, tagOf } from './modules/define-module.ts'
import { modules } from './modules/index.ts'
import { AccessLog, loggerOptions } from './observability/log.ts'
import { metrics } from './observability/metrics.ts'
import { metricsRoute } from './observability/metrics-route.ts'
import { traceOf, tracing } from './observability/tracing.ts'

const PREFIX = '/api/v1'

/** The schema of all environment variables. */
export const EnvironmentSchema = environmentSchemaOf(modules)

/** A caller's own id is kept where it is short and plain: it ends up in log lines and headers. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/

/**
 * Builds the app, ready to `listen` or `inject`. Closing it closes all that it opened.
 * Log lines go to `logStream`, standard output unless given.
 */
export async function buildApp(config: Config, logStream?: DestinationStream): Promise<FastifyInstance> {
  const app = createInstance(config, logStream)
  await app.register(methodNotAllowed)
  await app.register(connections)
  await app.register(clientAddress, config)
  await app.register(shutdown, config)
  await app.register(errorHandler, {
    catalogue: createCatalogue(modules.map(({ errors }) => errors ?? {})),
    constraints: Object.assign({}, ...modules.map(({ constraints }) => constraints)),
  })
  await app.register(parserErrors)
  await app.register(metrics)
  await app.register(connectionCap, config)
  await app.register(slowReaders, config)
  await app.register(tracing, config)
  await app.register(securityHeaders, config)
  await app.register(overload, config)
  await app.register(rateLimit, config)
  await app.register(validation)
  await app.register(database, config)
  await app.register(openapi, { ...config, tags: modules.flatMap(module => tagOf(module) ?? []) })
  if (config.server.hasDocs) await app.register(docsPage)

  await app.register(health)
  await app.register(metricsRoute, config)
  await registerModules(app, { modules, config, prefix: PREFIX })
  app.refuseOtherMethods()
  return app
}

/** Gives each request a logger that names it. */
function createRequestLoggers(
  sampling: Config['tracing']['sampling'],
): NonNullable<FastifyServerOptions['childLoggerFactory']> {
  let parent: FastifyBaseLogger | undefined
  return (logger, bindings, options, raw) => {
    const named = { ...bindings, traceId: traceOf(raw, sampling).traceId }
    if ('level' in options || 'serializers' in options) return logger.child(named, options)
    // A child of a child, without options: pino then copies nothing.
    parent ??= logger.child({})
    return parent.child(named)
  }
}

function createInstance({ log, server, tracing: { sampling } }: Config, logStream?: DestinationStream) {
  return Fastify({
    logger: { ...loggerOptions(log), ...(logStream && { stream: logStream }) },
    logController: new AccessLog(),
    genReqId: raw => {
      const given = raw.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : traceOf(raw, sampling).traceId
    },
    childLoggerFactory: createRequestLoggers(sampling),
    // An empty list would mean "trust everyone's X-Forwarded-For"; false means nobody's.
    trustProxy: server.trustProxy.length > 0 ? [...server.trustProxy] : false,
    bodyLimit: server.bodyLimit,
    requestTimeout: server.requestTimeout,
    connectionTimeout: 0,
    keepAliveTimeout: server.keepAliveTimeout,
    // requestTimeout alone does not stop a body that drips: Node checks as often as this, and every 30 s by itself.
    // A missing Host is refused by a hook of ours, with a problem; Node's own refusal has no body.
    http: {
      headersTimeout: server.requestTimeout,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false,
      // Else the first of two Authorization headers would count, and for a proxy perhaps the second.
      joinDuplicateHeaders: true,
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 128, caseSensitive: true, ignoreTrailingSlash: false },
    clientErrorHandler: sendParserError,
    frameworkErrors: refuseUnrouted,
  })
}
