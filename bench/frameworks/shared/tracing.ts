/** OpenTelemetry as its documentation sets it up: the SDK, OTLP over HTTP, a tenth of the traces, a caller's word first. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { Instrumentation } from '@opentelemetry/instrumentation'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { preferCommonJsDrizzle } from '../../../src/db/drizzle-commonjs.ts'

// What saves the service memory saves the peers as much.
preferCommonJsDrizzle()

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
