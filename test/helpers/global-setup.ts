/** Starts one PostgreSQL server for the whole run, with a migrated template that test files clone. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the migrated template; tests connect to clones of it. */
    templateUrl: string
  }
}

/** Durability is of no use to a database that lives for one run. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' }

export default async function setup({ provide }: TestProject) {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-test-'))
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings: SETTINGS })
  await migrate(server.url)
  provide('templateUrl', server.url)
  return async () => {
    await server.remove()
    await rm(folder, { recursive: true, force: true })
  }
}
