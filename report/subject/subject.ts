/** The subject of a report: a running app, what was observed of it, and how it can be reached. */
import type pg from 'pg'
import type { CodeTable, Observation, TraceEvent } from '../observe/observation.ts'

export type EnvironmentSchema = {
  properties: Record<string, { description?: string; default?: unknown }>
  required?: string[]
}

/** What a service of this repository's kind offers beside HTTP. All values were created for this run. */
export type Internals = {
  databaseUrl: string
  query: pg.Pool['query']
  /** The service's signing key as PEM. */
  signingKey: string
  metricsToken: string
  /** An origin that CORS allows. */
  allowedOrigin: string
  /** The config schema of the running process; undefined where it exports none. */
  environmentSchema: EnvironmentSchema | undefined
  /** Starts another instance with the same settings, on the same database. */
  startBeside: () => Promise<{ origin: string; stop: () => Promise<void> }>
}

export type Subject = {
  /** The app's folder, with its package.json. */
  root: string
  /** The module that was started, relative to `root`. */
  module: string
  origin: string
  /** Whether the report may send other methods than GET and HEAD. */
  allowsWrites: boolean
  /** What was observed until the app listened. */
  observation: Observation
  /** Returns what has been observed so far: requests load more packages and read more variables. */
  observe: () => Promise<Observation>
  /** Returns the trace of the request that carried this trace id. */
  trace: (id: string) => Promise<TraceEvent[]>
  /** Returns the Drizzle tables that the app's modules export. */
  tables: () => Promise<CodeTable[]>
  /** Blocks the event loop for some seconds. */
  stall: () => Promise<void>
  /** Returns the lines that the process has written so far. */
  log: () => readonly string[]
  /** Undefined for an app that is not of this repository's kind. */
  internals?: Internals
  /** The values of the environment that the process was started with: no document may contain them. */
  secrets: readonly string[]
  stop: () => Promise<void>
}
