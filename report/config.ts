/** `report.config.ts` in the app's folder: what the report cannot find out from the routes by itself. All of it is optional. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RunError } from '../harness/errors.ts'
import { messageOf } from './errors.ts'
import { ROLES, type Role } from './service/roles.ts'

/** An account that the report has registered. */
export type Account = { id: string; email: string }

/** Runs a statement on the app's database. */
export type Query = (text: string, values?: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>

export type ReportConfig = {
  /** Routes by what they are for, as `METHOD /path`, where the report finds another one or none. */
  routes?: Partial<Record<Role, string>>
  /** Fields of a registration in addition to those that its schema requires. */
  registration?: Record<string, unknown>
  /** Makes an account an admin. */
  promote?: (account: Account, query: Query) => Promise<unknown>
  /** Values for parameters of paths, where the report cannot create an object: `{ '/files/:name': { name: 'a.txt' } }`. */
  parameters?: Record<string, Record<string, string>>
  /** Routes, as `METHOD /path`, that show every user what one user has created. */
  shared?: string[]
}

const FILES = ['report.config.ts', 'report.config.mjs', 'report.config.js']
const KEYS = ['routes', 'registration', 'promote', 'parameters', 'shared']

/** Returns the config unchanged, for its types. */
export function defineReport(config: ReportConfig): ReportConfig {
  return config
}

/** Returns the config of the app at `root`; an empty one where there is no file. Throws a RunError where it is not valid. */
export async function readConfig(root: string): Promise<ReportConfig> {
  const file = FILES.map(name => join(root, name)).find(existsSync)
  if (file === undefined) return {}
  const loaded: unknown = await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw new RunError(`${file} cannot be loaded: ${messageOf(error)}`)
  })
  const config = (loaded as { default?: unknown }).default
  if (typeof config !== 'object' || config === null) throw new RunError(`${file} has no default export`)
  const unknown = Object.keys(config).find(key => !KEYS.includes(key))
  if (unknown !== undefined)
    throw new RunError(`${file}: there is no "${unknown}"; there are: ${KEYS.join(', ')}`)
  const { routes = {} } = config as ReportConfig
  const role = Object.keys(routes).find(name => !ROLES.some(known => known === name))
  if (role !== undefined)
    throw new RunError(`${file}: there is no route "${role}"; there are: ${ROLES.join(', ')}`)
  return config as ReportConfig
}
