/** A version of the service, ready to be measured. */
import type { LoadOptions } from '../result/schema.ts'
import type { Subject } from '../subject.ts'
import { loadData } from './data.ts'
import type { BenchDatabase } from './database.ts'
import { prepareDatabase, startService } from './service.ts'

/** Enough that no lookup is served by a cache of one key. */
const userCount = 10_000

export interface Version {
  /** Its database and its data go by this. */
  key: string
  name: string
  root: string
  /** Settings that differ from the other versions' of the run. */
  environment?: Record<string, string>
  /** Microseconds of CPU that each request is made to waste, to see whether that is noticed. */
  burnUs?: number
}

export type ServiceSubject = Subject & { databaseUrl: string; stop: () => Promise<void> }

/** Returns the version, running on a database of its own with 10,000 users and a signed-in session per connection. */
export async function startSubject(
  version: Version,
  {
    database,
    traces,
    options,
    signal,
  }: {
    database: BenchDatabase
    traces: string
    options: LoadOptions
    signal: AbortSignal
  },
): Promise<ServiceSubject> {
  const databaseUrl = await database.create(`bench_${version.key}`)
  await prepareDatabase(version.root, databaseUrl, userCount, signal)
  const service = await startService({ ...version, databaseUrl, traces, signal })
  try {
    const data = await loadData(service.origin, options.connections)
    return { ...service, key: version.key, name: version.name, data, databaseUrl }
  } catch (error) {
    await service.stop()
    throw error
  }
}
