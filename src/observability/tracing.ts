/** Tracing of requests: W3C trace context in and out, and a span where the request is sampled. */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config/config.ts'
import { formatTraceparent, type TraceContext, traceContextOf } from '../lib/trace-context.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Runs a query inside a span where its request is sampled. */
    traceQuery: <T>(text: string, run: () => Promise<T>) => Promise<T>
    /** Returns the W3C headers for a request to another service; also where nothing is recorded. */
    traceHeaders: (request: FastifyRequest) => Record<string, string>
  }
  interface FastifyRequest {
    /** The request's trace context; also where nothing is recorded. */
    trace: TraceContext
  }
}

const kTrace = Symbol('trace')

type TracedMessage = IncomingMessage & { [kTrace]?: TraceContext }

/** Returns the context of a request, which is created once. The request's id, log lines and span use it. */
export function traceOf(raw: TracedMessage, sampling: Config['tracing']['sampling']): TraceContext {
  const header = sampling.readsCaller ? raw.headers.traceparent : undefined
  raw[kTrace] ??= traceContextOf(Array.isArray(header) ? undefined : header, sampling)
  return raw[kTrace]
}

export const tracing = fp(
  async (app: FastifyInstance, { tracing: settings }: { tracing: Config['tracing'] }) => {
    app.decorateRequest('trace', {
      getter(this: FastifyRequest) {
        return traceOf(this.raw, settings.sampling)
      },
    })
    app.addHook('onRequest', function sendTraceContext(request, reply, done) {
      reply.header('x-request-id', request.id)
      reply.header('traceresponse', formatTraceparent(request.trace))
      done()
    })
    const { traceQuery, activeSpanId } = await start(app, settings)
    app.decorate('traceQuery', traceQuery)
    const { sampling, passesBaggage } = settings
    app.decorate('traceHeaders', ({ trace, headers: { tracestate, baggage } }) => ({
      ...(sampling.readsCaller && {
        traceparent: formatTraceparent({ ...trace, spanId: activeSpanId() ?? trace.spanId }),
        // Trace Context §3.3: the entries of other systems are passed on unchanged.
        ...(tracestate !== undefined && { tracestate: String(tracestate) }),
      }),
      ...(passesBaggage && baggage !== undefined && { baggage: String(baggage) }),
    }))
  },
  { name: 'tracing' },
)

type Tracer = Pick<FastifyInstance, 'traceQuery'> & { activeSpanId: () => string | undefined }

async function start(app: FastifyInstance, settings: Config['tracing']): Promise<Tracer> {
  const { exporter } = settings
  if (exporter === undefined) return { traceQuery: (_text, run) => run(), activeSpanId: () => undefined }
  // Loaded only where tracing is on: the SDK takes 200 ms and 30 MB.
  const { startTracing } = await import('./tracing-sdk.ts')
  return startTracing(app, { ...settings, exporter })
}
