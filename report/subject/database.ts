/** The PostgreSQL server of a run: in a folder of its own that goes with it, and a database for each version. */
import pg from 'pg'
import { startDatabase } from '../../harness/database.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'

/** Durability is of no use to a database that lives for one run. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }

/** Starts a server as the bench does, in a folder of the report's own; `remove` leaves nothing of it. */
export function startDatabaseServer() {
  return startDatabase('report', SETTINGS)
}

/** A few connections of the report's own, past the service. */
export function openConnections(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 3, application_name: `${SERVICE_ID}-report` })
  pool.on('error', () => {
    // The server of a run ends before its last connection is closed.
  })
  return pool
}
