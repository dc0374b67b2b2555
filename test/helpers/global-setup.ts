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

/** A database of one test run needs no durability, and no log of a gigabyte. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Autovacuum would process a hundred databases, one after the other, while the tests run.
  autovacuum: 'off',
}

export default async function setup({ provide }: TestProject) {
  // These variables of a person's shell are for other servers. The workers inherit this environment.
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name]
  const { folder, remove } = await createTemporaryFolder()
  // Every worker, and every process that it starts, creates its folders here.
  process.env.TMPDIR = folder
  // The service starts a hundred times, and a third of the CPU time of a start is compilation. Vitest ignores the cache
  // where it measures coverage.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled')
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings: SETTINGS })
  await migrate(server.url)
  provide('templateUrl', server.url)
  return async () => {
    await server.stop()
    await remove()
  }
}
