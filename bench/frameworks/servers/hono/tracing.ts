/** Loaded before the server: the SDK, and pg's instrumentation. Hono's own is a middleware, which makes the server's span. */
import { startTracing } from '../shared/tracing.ts'

startTracing('hono', [])
