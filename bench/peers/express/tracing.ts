/** Loaded before Express: the stock instrumentations, and the hook through which they see what is imported. */
import { register } from 'node:module'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { startTracing } from '../shared/tracing.ts'

// Express is loaded by an import; what the others instrument is loaded by somebody's require, which needs no hook.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
startTracing('express', [new HttpInstrumentation(), new ExpressInstrumentation()])
