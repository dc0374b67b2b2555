/** OpenTelemetry as its documentation sets it up: the SDK, OTLP over HTTP, a tenth of the traces, a caller's word first. */
import { registerHooks } from 'node:module'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { Instrumentation } from '@opentelemetry/instrumentation'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'

// Drizzle's CommonJS build, as in the service: it loads 0.4 s sooner, in 190 MB less memory.
registerHooks({
  resolve(specifier, context, nextResolve) {
    const isDrizzle = specifier.startsWith('drizzle-orm')
    return nextResolve(specifier, isDrizzle ? { ...context, conditions: ['require', 'node'] } : context)
  },
})

/** Starts the SDK with the framework's instrumentations and that of pg. Has to run before either is loaded. */
export function startTracing(serviceName: string, instrumentations: Instrumentation[]): void {
  const ratio = Number(process.env.OTEL_TRACES_SAMPLER_ARG ?? 0.1)
  const sdk = new NodeSDK({
    serviceName,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    // Its address comes from OTEL_EXPORTER_OTLP_ENDPOINT.
    traceExporter: new OTLPTraceExporter(),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [...instrumentations, new PgInstrumentation()],
  })
  sdk.start()
}
