/** A PostgreSQL server for the length of a run, with a database for each version of the service. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { SERVICE_ID } from '../src/config/service-name.ts'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { clearPostgresVariables } from './environment.ts'

/** Enough for the pools of twenty services side by side; as durable as production's. */
const DEFAULT_SETTINGS = { max_connections: '300' }

export type TemporaryDatabase = Awaited<ReturnType<typeof startDatabase>>

/** Returns a server in a temporary folder of the given kind; `remove` leaves nothing of it. */
export async function startDatabase(kind = 'bench', settings: Record<string, string> = DEFAULT_SETTINGS) {
  clearPostgresVariables()
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-${kind}-`))
  // The database's own user, where there is one, has to reach its data in it: else they are put elsewhere.
  await chmod(folder, 0o755)
  const directory = join(folder, 'postgres')
  const server = await startEmbeddedPostgres({ directory, settings }).catch(async error => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return {
    version: await ask(server.url, 'show server_version'),
    pid: server.pid,

    /** Makes a database, as a copy of another where one is named, and returns its URL. */
    async create(name: string, template = 'template1'): Promise<string> {
      const [created, source] = [name, template].map(pg.escapeIdentifier)
      await ask(server.url, `create database ${created} template ${source}`)
      const url = new URL(server.url)
      url.pathname = `/${name}`
      return url.href
    },

    async remove(): Promise<void> {
      await server.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function ask(connectionString: string, statement: string): Promise<string> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<string[]>({ text: statement, rowMode: 'array' })
    return rows[0]?.[0] ?? ''
  } finally {
    await client.end()
  }
}
