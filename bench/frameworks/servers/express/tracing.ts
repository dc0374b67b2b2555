/** Loaded before Express: the stock instrumentations. */
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { startTracing } from '../shared/tracing.ts'

startTracing('express', [new HttpInstrumentation(), new ExpressInstrumentation()])
