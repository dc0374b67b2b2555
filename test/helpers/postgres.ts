/** A PostgreSQL server with the migrated schema, which a test may stop, start, freeze and continue. */
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { findServers } from '../../src/db/embedded-process.ts'
import { migrate } from '../../src/db/migrate.ts'

/** A database of one test file needs no durability. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off' }

export type OwnPostgres = Awaited<ReturnType<typeof startOwnPostgres>>

/** Starts a server in a folder of its own. `remove` ends it in any state. */
export async function startOwnPostgres() {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-faults-`))
  await chmod(folder, 0o755)
  const directory = join(folder, 'postgres')
  let server = await startEmbeddedPostgres({ directory, settings: SETTINGS })
  let isRunning = true
  const { url } = server
  const port = Number(new URL(url).port)
  const data = join(await realpath(directory), 'data')
  await migrate(url)
  const pool = new pg.Pool({ connectionString: url, max: 4, application_name: 'test' })
  pool.on('error', () => {
    // Its connections end with the server's.
  })

  async function signalAll(signal: NodeJS.Signals): Promise<void> {
    // The postmaster first, so that it starts no further processes.
    const { postmasters, children } = await findServers(data)
    for (const pid of [...postmasters, ...children]) process.kill(pid, signal)
  }

  /** Starts it again, at the same address. */
  async function start(): Promise<void> {
    server = await startEmbeddedPostgres({ directory, port, settings: SETTINGS })
    isRunning = true
  }

  return {
    url,
    /** Runs statements on the server, without the service. */
    pool,
    async stop() {
      await server.stop()
      isRunning = false
    },
    start,
    /** Makes the server run again after a test that failed. */
    async restore() {
      if (isRunning) await signalAll('SIGCONT')
      else await start()
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    /** Terminates the connections of an application, as an administrator may, and returns how many there were. */
    async terminate(application: string): Promise<number> {
      const { rowCount } = await pool.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
        [application],
      )
      return rowCount ?? 0
    },
    async remove() {
      await signalAll('SIGCONT')
      await pool.end()
      await server.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
