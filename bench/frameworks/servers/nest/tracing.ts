/** Loaded before NestJS: the stock instrumentations. */
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { NestInstrumentation } from '@opentelemetry/instrumentation-nestjs-core'
import { startTracing } from '../shared/tracing.ts'

startTracing('nest', [new HttpInstrumentation(), new NestInstrumentation()])
