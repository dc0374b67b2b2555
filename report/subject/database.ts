/** The PostgreSQL server of a run: in a folder of its own that goes with it, and a database for each version. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'

/** Durability is of no use to a database that lives for one run. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }

export type DatabaseServer = Awaited<ReturnType<typeof startDatabaseServer>>

/** Starts a server. `remove` ends it and leaves nothing behind. */
export async function startDatabaseServer() {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-report-'))
  // The database's own user, where there is one, has to reach its data in it: else they are put elsewhere.
  await chmod(folder, 0o755)
  const server = await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    settings: SETTINGS,
  }).catch(async error => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return {
    /** Makes an empty database and returns its address. */
    async create(name: string): Promise<string> {
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      try {
        await client.query(`create database ${pg.escapeIdentifier(name)}`)
      } finally {
        await client.end()
      }
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

/** A few connections of the report's own, past the service. */
export function openConnections(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3, application_name: 'plumbline-report' })
  pool.on('error', () => {
    // The server of a run ends before its last connection is closed.
  })
  return pool
}
