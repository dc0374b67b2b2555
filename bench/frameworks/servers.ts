/** The service's two endpoints in each framework, each server in a process of its own. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../harness/errors.ts'
import { createSigningKey } from '../../harness/signing-key.ts'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import type { LoadOptions } from '../result/schema.ts'
import { installPackages } from '../service/packages.ts'
import { type MeasuredProcess, startMeasuredProcess } from '../service/process.ts'
import { measuredEnvironment } from '../service/service.ts'
import { openVersions } from '../service/versions.ts'
import type { Subject } from '../subject.ts'

const FOLDER = fileURLToPath(new URL('./servers/', import.meta.url))

/** It has no features, so that ratios to it say what features cost. */
export const BARE = 'bare'

/** What the servers have in common is in a folder beside them. */
const NOT_SERVERS = ['shared', 'node_modules']

/** Returns the names of the frameworks, bare first. */
export async function listFrameworks(): Promise<string[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true })
  const names = entries
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('.') && !NOT_SERVERS.includes(entry.name))
    .map(({ name }) => name)
    .sort()
  return [BARE, ...names.filter(name => name !== BARE)]
}

/** Returns bare and the frameworks of these names, all where there are none. Throws a UsageError that lists them. */
export async function chooseFrameworks(names: readonly string[] = []): Promise<string[]> {
  const known = await listFrameworks()
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`unknown framework "${unknown}"; there are: ${known.join(', ')}`)
  }
  return names.length === 0 ? known : known.filter(name => name === BARE || names.includes(name))
}

/** Installs what the servers need; calls `onInstall` where that takes time. */
export function installFrameworks(onInstall: () => void, signal: AbortSignal): Promise<void> {
  return installPackages(FOLDER, onInstall, signal)
}

/** Returns a framework's server, once it is ready. Its packages have to be there. */
export function startFramework(
  name: string,
  environment: Record<string, string>,
  signal: AbortSignal,
  onOutput?: (line: string) => void,
): Promise<MeasuredProcess> {
  const tracing = name === BARE ? [] : ['--import', `./${name}/tracing.ts`]
  return startMeasuredProcess({
    name,
    cwd: FOLDER,
    readyPath: '/health',
    environment,
    signal,
    args: [...tracing, `${name}/server.ts`],
    onOutput,
  })
}

/**
 * Returns the service and the frameworks' servers, running on one database with one signing key, so that all accept the
 * tokens that the service has issued; `close` ends all of them.
 */
export async function openFrameworks(
  root: string,
  names: readonly string[],
  options: LoadOptions,
  signal: AbortSignal,
) {
  const { privateKey } = createSigningKey()
  const version = {
    key: SERVICE_NAME,
    name: SERVICE_NAME,
    root,
    environment: { JWT_PRIVATE_KEY: privateKey },
  }
  const opened = await openVersions([version], options, signal)
  const servers: (Subject & { stop: () => Promise<void> })[] = []
  const close = async (): Promise<void> => {
    for (const server of servers.splice(0)) await server.stop()
    await opened.close()
  }
  try {
    const [service] = opened.subjects
    if (!service) throw new Error('the service was not started')
    const { databaseUrl, data } = service
    const environment = measuredEnvironment({ databaseUrl, traces: opened.traces, privateKey })
    for (const name of names) {
      servers.push({ key: name, name, data, ...(await startFramework(name, environment, signal)) })
    }
    return { ...opened, service, servers: [...servers], close }
  } catch (error) {
    await close()
    throw error
  }
}
