/** What a report is about: a running app, what was observed of it, and what of it can be reached. */
import type pg from 'pg'
import type { Observation, TraceEvent } from '../observe/observation.ts'

export type EnvironmentSchema = {
  properties: Record<string, { description?: string; default?: unknown }>
  required?: string[]
}

/** What only a service of this repository's kind offers beside HTTP; all of it made up for this run. */
export type Internals = {
  databaseUrl: string
  query: pg.Pool['query']
  /** PEM of the key that the service signs with. */
  signingKey: string
  metricsToken: string
  /** An origin whose pages may call the service. */
  allowedOrigin: string
  /** The schema of the environment that the process works with; absent where it exports none. */
  environmentSchema: EnvironmentSchema | undefined
}

export type Subject = {
  /** The app's folder, where its package.json is. */
  root: string
  /** The module that was started, relative to `root`. */
  module: string
  origin: string
  /** What was observed until the app listened. */
  observation: Observation
  /** What has been observed until now: some code is loaded, and some variables are read, by requests alone. */
  observe: () => Promise<Observation>
  /** What happened to the request that carried this trace id. */
  trace: (id: string) => Promise<TraceEvent[]>
  /** Keeps its event loop from turning for some seconds, from now on. */
  stall: () => Promise<void>
  /** The lines that the process has written so far. */
  log: () => readonly string[]
  /** Absent for an app that is not of this repository's kind. */
  internals?: Internals
  /** Texts that may stand in no document: the values that the process was started with. */
  secrets: readonly string[]
  stop: () => Promise<void>
}

/** The place of a variable's value in any document. */
export const HIDDEN = '[hidden]'
