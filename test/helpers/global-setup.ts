/** Starts one PostgreSQL server for the whole run, with a migrated template that test files clone. */
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createTemporaryFolder } from './temporary.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the migrated template; tests connect to clones of it. */
    templateUrl: string
  }
}

/** Durability is of no use to a database that lives for one run, and neither is a log of a gigabyte. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // It would go through a hundred databases, one after the other, for as long as the tests run.
  autovacuum: 'off',
}

export default async function setup({ provide }: TestProject) {
  // Of a person's shell, and about other servers. The workers get this process's environment.
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name]
  const { folder, remove } = await createTemporaryFolder()
  // Where every worker, and what it starts, makes its own.
  process.env.TMPDIR = folder
  // The service starts a hundred times: a third of the CPU time of a start is compiling. Vitest leaves it out where it
  // counts coverage, which needs what is compiled afresh.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled')
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings: SETTINGS })
  await migrate(server.url)
  provide('templateUrl', server.url)
  return async () => {
    await server.stop()
    await remove()
  }
}
