/** What the observer in a running app sends to the report: plain data, which messages between processes can carry. */

/** The kinds of hooks, in the order in which Fastify runs them. */
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

/** A place in the source: a path relative to the app's folder, or from `node_modules/` on for installed code. */
export type Place = { file: string; line: number }

export type ObservedHook = {
  kind: HookKind
  name: string
  /** Whether the options of a route name it, in place of an `addHook`. */
  isOfRoute: boolean
  place: Place | undefined
}

export type ObservedRoute = {
  method: string
  url: string
  summary: string | undefined
  /** The guard that the route declares, as text; undefined where it has none. */
  guard: string | undefined
  security: string[]
  handler: string
  place: Place | undefined
  /** The request's schemas, as JSON Schema. */
  schemas: { body?: unknown; querystring?: unknown; params?: unknown; headers?: unknown }
  /** The statuses whose responses the route describes. */
  statuses: number[]
  /** Whether the handler's own text names the body of the request. */
  readsBody: boolean
  /** Whether the route is left out of the API description on purpose. */
  isHidden: boolean
}

/** A package that the process has loaded, with the name and version of its package.json. */
export type LoadedPackage = { name: string; version: string; file: string }

/** An environment variable that the app's own code has read, and where. */
export type VariableRead = { name: string; place: Place }

/** A variable that a schema of the app's settings declares. */
export type DeclaredSetting = { name: string; description?: string; isRequired: boolean }

export type Observation = {
  node: { version: string; lts: string | undefined }
  fastify: string
  /** The file that created the app. */
  entry: Place | undefined
  hooks: ObservedHook[]
  routes: ObservedRoute[]
  packages: LoadedPackage[]
  variables: VariableRead[]
  settings: DeclaredSetting[]
}

/** A column as the code has it. `default` is SQL: undefined where there is none, null where it cannot be written as such. */
export type CodeColumn = {
  name: string
  type: string
  isRequired: boolean
  isGenerated: boolean
  default?: string | null | undefined
}

/** A table that the app's modules export. */
export type CodeTable = { schema: string; name: string; columns: CodeColumn[] }

/** One event in the life of a request. `hook` is an index of `Observation.hooks`. */
export type TraceEvent =
  | { at: 'hook'; hook: number }
  | { at: 'parse' }
  | { at: 'handler' }
  | { at: 'serialize'; from: string; to: string }
  | { at: 'error'; code: string; isValidation: boolean }

/** The header of requests to trace. Its value is the trace id. */
export const TRACE_HEADER = 'x-report-trace'

export type Question = { report: number } & (
  | { ask: 'observation' }
  | { ask: 'trace'; id: string }
  /** Blocks the event loop for a while, from the reply on. */
  | { ask: 'stall' }
  /** Reads what a module of the running app exports under a name, as JSON. */
  | { ask: 'export'; module: string; name: string }
  /** Reads the tables that the app's modules export. */
  | { ask: 'tables' }
)
export type ObserverReply = { report: number; reply: unknown }
