/** A version of the service, ready to be measured. */
import { RunError } from '../../harness/errors.ts'
import type { LoadOptions } from '../result/schema.ts'
import type { Subject } from '../subject.ts'
import { loadData } from './data.ts'
import type { MeasuredProcess } from './process.ts'
import { startMeasuredService } from './service.ts'

export type Version = {
  /** Its database and its data go by this. */
  key: string
  name: string
  root: string
  /** Settings that differ from the other versions' of the run. */
  environment?: Record<string, string>
  /** URLs of modules that are loaded into its process first. */
  preloads?: readonly string[]
  /** Microseconds of CPU that each request is made to waste, to see whether that is noticed. */
  burnUs?: number
}

export type ServiceSubject = Subject & MeasuredProcess & { databaseUrl: string }

/** Returns the version, running on its own database, with a signed-in session per connection. */
export async function startSubject(
  version: Version,
  {
    databaseUrl,
    traces,
    options,
    signal,
  }: { databaseUrl: string; traces: string; options: LoadOptions; signal: AbortSignal },
): Promise<ServiceSubject> {
  const service = await startMeasuredService({ ...version, databaseUrl, traces, signal })
  try {
    const data = await loadData(service.origin, options.connections)
    return { ...service, key: version.key, name: version.name, data, databaseUrl }
  } catch (error) {
    const end = service.describeEnd()
    await service.stop()
    throw end === undefined ? error : new RunError(end)
  }
}
