/** Builds the app: registers the plugins in the order in which a request meets them. */
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

/** The request ids that are taken from clients. They are written to the log and to response headers. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/

/**
 * Returns the app, ready to `listen` or `inject`. `app.close()` closes everything that it opened.
 * Log lines go to `logStream`; the default is standard output.
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

/** Returns a factory that gives each request a logger with its request id and trace id. */
function createRequestLoggers(
  sampling: Config['tracing']['sampling'],
): NonNullable<FastifyServerOptions['childLoggerFactory']> {
  let parent: FastifyBaseLogger | undefined
  return (logger, bindings, options, raw) => {
    const withTrace = { ...bindings, traceId: traceOf(raw, sampling).traceId }
    if ('level' in options || 'serializers' in options) return logger.child(withTrace, options)
    // pino copies the serializers for a child of the root logger, but not for a child of a child without options.
    parent ??= logger.child({})
    return parent.child(withTrace)
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
    // Fastify reads an empty list as "trust every X-Forwarded-For header"; false means "trust none".
    trustProxy: server.trustProxy.length > 0 ? [...server.trustProxy] : false,
    bodyLimit: server.bodyLimit,
    requestTimeout: server.requestTimeout,
    connectionTimeout: 0,
    keepAliveTimeout: server.keepAliveTimeout,
    http: {
      headersTimeout: server.requestTimeout,
      // How often Node applies the two timeouts to slow requests. Its default is every 30 s.
      connectionsCheckingInterval: 1000,
      // A hook refuses a missing Host header with a problem. Node's own refusal has no body.
      requireHostHeader: false,
      // Node would use the first of two Authorization headers. A proxy might use the second.
      joinDuplicateHeaders: true,
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 128, caseSensitive: true, ignoreTrailingSlash: false },
    clientErrorHandler: sendParserError,
    frameworkErrors: refuseUnrouted,
  })
}
