/** The data layers: the same two queries through each, each in a process of its own. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { UsageError } from '../../harness/errors.ts'
import type { Datasets } from '../load/template.ts'
import type { Scenario } from '../scenario.ts'
import { installPackages } from '../service/packages.ts'
import { type MeasuredProcess, startMeasuredProcess } from '../service/process.ts'

const folder = fileURLToPath(new URL('./servers/', import.meta.url))

/** The driver that all of them stand on. */
export const driver = 'pg'

/** One user by id, and one page from anywhere in the list. */
export const DATA_SCENARIOS: readonly Scenario[] = [
  { name: 'lookup', endpoints: [{ name: 'user by id', method: 'GET', path: '/users/{{users.id}}' }] },
  {
    name: 'list',
    endpoints: [{ name: '20 users after a cursor', method: 'GET', path: '/users?after={{pages.position}}' }],
  },
]

/** Returns the names of the data layers, the driver first. */
export async function listLayers(): Promise<string[]> {
  const files = await readdir(`${folder}layers`)
  const names = files.map(file => file.replace(/\.ts$/, '')).sort()
  return [driver, ...names.filter(name => name !== driver)]
}

/** Returns those that `names` ask for and the driver, all where it is empty. Throws a UsageError that lists them. */
export async function chooseLayers(names: readonly string[]): Promise<string[]> {
  const known = await listLayers()
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`unknown data layer "${unknown}"; there are: ${known.join(', ')}`)
  }
  return names.length === 0 ? known : known.filter(name => name === driver || names.includes(name))
}

/** Returns the scenarios of these names, both where there are none. Throws a UsageError that lists them. */
export function chooseDataScenarios(names: readonly string[]): Scenario[] {
  const unknown = names.find(name => !DATA_SCENARIOS.some(scenario => scenario.name === name))
  if (unknown !== undefined) {
    const known = DATA_SCENARIOS.map(({ name }) => name).join(', ')
    throw new UsageError(`unknown scenario "${unknown}"; there are: ${known}`)
  }
  return DATA_SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name))
}

/** Installs what they need; `onInstall` is told where that takes its time. */
export function installLayers(onInstall: () => void, signal: AbortSignal): Promise<void> {
  return installPackages(folder, onInstall, signal, { script: 'generate.ts', files: ['schema.prisma'] })
}

/** Returns a data layer on a database, once it is ready. Its packages have to be there. */
export function startLayer(name: string, databaseUrl: string, signal: AbortSignal): Promise<MeasuredProcess> {
  return startMeasuredProcess({
    name,
    args: ['server.ts', name],
    cwd: folder,
    readyPath: '/health',
    signal,
    environment: { NODE_ENV: 'production', DATABASE_URL: databaseUrl },
  })
}

/** Returns what requests are filled from: every user's id, and every position that a full page follows. */
export async function loadPositions(databaseUrl: string, pageSize = 20): Promise<Datasets> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; createdAt: Date }>(
      'select id, created_at as "createdAt" from users order by created_at, id',
    )
    const positions = rows.map(({ id, createdAt }) => ({ position: `${createdAt.toISOString()}_${id}` }))
    return { users: rows.map(({ id }) => ({ id })), pages: positions.slice(0, -pageSize) }
  } finally {
    await client.end()
  }
}
