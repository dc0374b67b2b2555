/** Starts the versions of the service that are measured, side by side on one database server, and ends them again. */
import type { LoadOptions } from '../result/schema.ts'
import { type BenchDatabase, startDatabase } from './database.ts'
import { prepareDatabase, raisedLimits } from './service.ts'
import { type ServiceSubject, startSubject, type Version } from './subject.ts'
import { startTraceSink } from './trace-sink.ts'

/** Enough that no lookup is served by a cache of one key. */
export const userCount = 10_000

/** Returns the running versions; `close` ends them and the database, and removes its folder. */
export async function openVersions(versions: readonly Version[], options: LoadOptions, signal: AbortSignal) {
  const cleanups: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    const database = await startDatabase()
    cleanups.push(database.remove)
    const sink = await startTraceSink()
    cleanups.push(sink.close)
    const seededBy = createSeeds(database, signal)
    const subjects: ServiceSubject[] = []
    for (const version of versions) {
      const seeded = await seededBy(version.root)
      const subject = await startSubject(version, { database, seeded, traces: sink.url, options, signal })
      cleanups.push(subject.stop)
      subjects.push(subject)
    }
    const environment = { ...raisedLimits }
    return { subjects, postgres: database.version, traces: sink.url, environment, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns what gives the name of a database that the commands of a checkout have made: one for each checkout. */
function createSeeds(database: BenchDatabase, signal: AbortSignal) {
  const names = new Map<string, string>()
  return async (root: string): Promise<string> => {
    const known = names.get(root)
    if (known !== undefined) return known
    const name = `seeded_${names.size}`
    names.set(root, name)
    await prepareDatabase(root, await database.create(name), userCount, signal)
    return name
  }
}
