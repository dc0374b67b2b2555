/** The parts that `ablate` removes from the service, one at a time: by a stub for a module, or by another hook in the app. */
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { silenceRequests, skipValidation, swapHooks, trustToken } from './hooks.ts'

export type Variant = {
  name: string
  /** What is gone when it is off, in a few words. */
  what: string
  /** A feature is there for its users and costs something; a shortcut is there because it saves something. */
  kind: 'feature' | 'shortcut'
  /** Modules of src/, or packages that src/ imports, and the stub in `stubs/` that stands in for each. */
  replaces?: Record<string, string>
  /** Changes the app before anything is registered in it. */
  prepare?: (app: FastifyInstance, options: FastifyServerOptions) => void
}

export const VARIANTS: readonly Variant[] = [
  {
    name: 'security-headers',
    what: 'the headers of helmet',
    kind: 'feature',
    prepare: app => swapHooks(app, { setSecurityHeaders: undefined }),
  },
  {
    name: 'cors',
    what: 'the response to other origins',
    kind: 'feature',
    replaces: { '@fastify/cors': 'cors.ts' },
  },
  {
    name: 'rate-limit',
    what: 'the count of each client',
    kind: 'feature',
    prepare: app => swapHooks(app, { limitEveryRoute: undefined }),
  },
  {
    name: 'overload',
    what: 'the watch on the event loop',
    kind: 'feature',
    replaces: { 'http/overload.ts': 'overload.ts' },
  },
  {
    name: 'access-log',
    what: 'the line of each request, and its logger',
    kind: 'feature',
    prepare: silenceRequests,
  },
  {
    name: 'metrics',
    what: 'the histogram of durations',
    kind: 'feature',
    prepare: app => swapHooks(app, { observeDuration: undefined }),
  },
  {
    name: 'tracing',
    what: 'the spans of sampled requests, and their export',
    kind: 'feature',
    replaces: { 'observability/tracing-sdk.ts': 'tracing.ts' },
  },
  {
    name: 'request-ids',
    what: 'ids of one’s own, and the headers that tell them',
    kind: 'feature',
    replaces: { 'lib/trace-context.ts': 'trace-context.ts' },
    prepare: app => swapHooks(app, { sendTraceContext: undefined }),
  },
  {
    name: 'connections',
    what: 'the order of responses on a connection, and its end in a drain',
    kind: 'feature',
    prepare: app => swapHooks(app, { addReply: undefined, giveConnectionBack: undefined }),
  },
  {
    name: 'validation',
    what: 'the check of URL, Host and path parameters',
    kind: 'feature',
    prepare: skipValidation,
  },
  {
    name: 'authentication',
    what: 'the check of the token: it is believed',
    kind: 'feature',
    prepare: app => swapHooks(app, { authenticate: trustToken }),
  },
  {
    name: 'revocation',
    what: 'the question whether the session has ended',
    kind: 'feature',
    replaces: { 'modules/sessions/revocations.ts': 'revocations.ts' },
  },
  {
    name: 'token-cache',
    what: 'the memory of verified tokens',
    kind: 'shortcut',
    replaces: { 'lru-cache': 'lru-cache.ts' },
  },
  {
    name: 'batching',
    what: 'one query for look-ups that come together',
    kind: 'shortcut',
    replaces: { 'db/batch.ts': 'batch.ts' },
  },
  {
    name: 'prepared-query',
    what: 'the look-up, built and planned once',
    kind: 'shortcut',
    replaces: { 'drizzle-orm/node-postgres': 'drizzle.ts' },
  },
  {
    name: 'serialization',
    what: 'JSON by schema: JSON.stringify instead',
    kind: 'shortcut',
    prepare: app => void app.setSerializerCompiler(() => data => JSON.stringify(data)),
  },
  {
    name: 'log-buffer',
    what: 'log lines that are written together',
    kind: 'shortcut',
    replaces: { 'observability/log-stream.ts': 'log-stream.ts' },
  },
]
