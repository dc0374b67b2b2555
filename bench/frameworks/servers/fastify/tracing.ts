/** Loaded before Fastify: the stock instrumentations; @fastify/otel registers itself in every instance. */
import FastifyOtel from '@fastify/otel'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { startTracing } from '../shared/tracing.ts'

startTracing('fastify', [
  new HttpInstrumentation(),
  new FastifyOtel.FastifyOtelInstrumentation({ registerOnInitialization: true }),
])
