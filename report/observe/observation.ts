/** What the observer inside a running app tells the report: plain data that survives a message between processes. */

/** Where in a request's life Fastify calls a hook, in that order. */
export const LIFECYCLE = [
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'preSerialization',
  'onSend',
  'onResponse',
] as const

export type HookKind = (typeof LIFECYCLE)[number]

/** A place in the source: a path relative to the app's folder, or a package's name where it is installed code. */
export type Place = { file: string; line: number }

export type ObservedHook = { kind: HookKind; name: string; place: Place | undefined }

export type ObservedRoute = {
  method: string
  url: string
  summary: string | undefined
  guard: string | undefined
  security: string[]
  handler: string
  place: Place | undefined
  /** The request's schemas, as JSON Schema. */
  schemas: { body?: unknown; querystring?: unknown; params?: unknown }
}

/** A package that the process has loaded, as its own package.json calls it. */
export type LoadedPackage = { name: string; version: string; file: string }

/** A variable that the app's own code read by its name, and where. */
export type VariableRead = { name: string; place: Place }

export type Observation = {
  node: { version: string; lts: string | undefined }
  fastify: string
  /** The file that made the app. */
  entry: Place | undefined
  hooks: ObservedHook[]
  routes: ObservedRoute[]
  packages: LoadedPackage[]
  variables: VariableRead[]
}

/** What happened to one request, in order. A hook is named by its index in `Observation.hooks`. */
export type TraceEvent =
  | { at: 'hook'; hook: number }
  | { at: 'parse' }
  | { at: 'handler' }
  | { at: 'serialize'; from: string; to: string }
  | { at: 'error'; code: string; isValidation: boolean }

/** The header by which a request asks to be traced, with an id of its own. */
export const TRACE_HEADER = 'x-report-trace'

export type Question = { report: number } & (
  | { ask: 'observation' }
  | { ask: 'trace'; id: string }
  /** Keep the event loop from turning for a while, from the answer on. */
  | { ask: 'stall' }
  /** What a module of the running app exports under a name, as JSON. */
  | { ask: 'export'; module: string; name: string }
)
export type Answer = { report: number; answer: unknown }
