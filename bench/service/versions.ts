/** Starts the versions of the service that are measured, side by side on one database server, and ends them again. */
import type { LoadOptions } from '../result/schema.ts'
import { startDatabase } from './database.ts'
import { raisedLimits } from './service.ts'
import { type ServiceSubject, startSubject, type Version } from './subject.ts'
import { startTraceSink } from './trace-sink.ts'

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
    const subjects: ServiceSubject[] = []
    for (const version of versions) {
      const subject = await startSubject(version, { database, traces: sink.url, options, signal })
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
