/** Starts the versions of the service that are measured, side by side on one database server, and ends them again. */

import { startDatabase, type TemporaryDatabase } from '../../harness/database.ts'
import { RAISED_LIMITS } from '../../harness/service.ts'
import { startTraceSink } from '../../harness/trace-sink.ts'
import type { LoadOptions } from '../result/schema.ts'
import { prepareDatabase } from './service.ts'
import { type ServiceSubject, startSubject, type Version } from './subject.ts'

/** Enough that no lookup is served by a cache of one key. */
export const USER_COUNT = 10_000

/** What the versions need before they start; they can be started on it again and again. */
export type Prepared = Awaited<ReturnType<typeof prepareVersions>>

/** Returns the versions, each with a seeded database of its own; `close` ends the database server and removes its folder. */
export async function prepareVersions(versions: readonly Version[], signal: AbortSignal) {
  const { add, close } = createCleanups()
  try {
    const database = await startDatabase()
    add(database.remove)
    const sink = await startTraceSink()
    add(sink.close)
    const seededBy = createSeeds(database, signal)
    const prepared: { version: Version; databaseUrl: string }[] = []
    for (const version of versions) {
      const seeded = await seededBy(version.root)
      prepared.push({ version, databaseUrl: await database.create(`bench_${version.key}`, seeded) })
    }
    const environment = { ...RAISED_LIMITS }
    const { version: postgres, pid: databasePid } = database
    return { versions: prepared, postgres, databasePid, traces: sink.url, environment, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the running versions; `close` ends them. */
export async function startVersions(
  { versions, traces }: Prepared,
  options: LoadOptions,
  signal: AbortSignal,
): Promise<{ subjects: ServiceSubject[]; close: () => Promise<void> }> {
  const { add, close } = createCleanups()
  try {
    const subjects: ServiceSubject[] = []
    for (const { version, databaseUrl } of versions) {
      const subject = await startSubject(version, { databaseUrl, traces, options, signal })
      add(subject.stop)
      subjects.push(subject)
    }
    return { subjects, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the running versions; `close` ends them and the database, and removes its folder. */
export async function openVersions(versions: readonly Version[], options: LoadOptions, signal: AbortSignal) {
  const prepared = await prepareVersions(versions, signal)
  const { add, close } = createCleanups()
  add(prepared.close)
  try {
    const started = await startVersions(prepared, options, signal)
    add(started.close)
    return { ...prepared, subjects: started.subjects, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Steps that undo what was done, the last first. */
function createCleanups() {
  const cleanups: (() => Promise<void> | void)[] = []
  return {
    add: (cleanup: () => Promise<void> | void): void => void cleanups.push(cleanup),
    close: async (): Promise<void> => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
    },
  }
}

/** Returns what gives the name of a database that the commands of a checkout have made: one for each checkout. */
function createSeeds(database: TemporaryDatabase, signal: AbortSignal) {
  const names = new Map<string, string>()
  return async (root: string): Promise<string> => {
    const known = names.get(root)
    if (known !== undefined) return known
    const name = `seeded_${names.size}`
    names.set(root, name)
    await prepareDatabase(root, await database.create(name), USER_COUNT, signal)
    return name
  }
}
