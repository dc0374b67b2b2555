/** The peers: the service's two endpoints as others would write them, each a process of its own. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../harness/errors.ts'
import { createSigningKey } from '../../harness/signing-key.ts'
import { SERVICE_NAME } from '../../src/config/service-name.ts'
import type { LoadOptions } from '../result/schema.ts'
import type { Subject } from '../subject.ts'
import { installPackages } from './packages.ts'
import { type MeasuredProcess, startMeasuredProcess } from './process.ts'
import { measuredEnvironment } from './service.ts'
import { openVersions } from './versions.ts'

const folder = fileURLToPath(new URL('../frameworks/', import.meta.url))

/** It has no features, so that ratios to it say what features cost. */
export const bare = 'bare'

/** What the peers have in common is in a folder beside them. */
const noPeers = ['shared', 'node_modules']

/** Returns the names of the peers, bare first. */
export async function listPeers(): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('.') && !noPeers.includes(entry.name))
    .map(({ name }) => name)
    .sort()
  return [bare, ...names.filter(name => name !== bare)]
}

/** Returns bare and the peers that `names` ask for, all where it is empty; throws a UsageError that lists those there are. */
export async function choosePeers(names: readonly string[] = []): Promise<string[]> {
  const known = await listPeers()
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`unknown peer "${unknown}"; there are: ${known.join(', ')}`)
  }
  return names.length === 0 ? known : known.filter(name => name === bare || names.includes(name))
}

/** Installs what the peers need; `onInstall` is told where that takes its time. */
export function installPeers(onInstall: () => void, signal: AbortSignal): Promise<void> {
  return installPackages(folder, onInstall, signal)
}

/** Returns a peer, once it is ready. Its packages have to be there. */
export function startPeer(
  name: string,
  environment: Record<string, string>,
  signal: AbortSignal,
  onOutput?: (line: string) => void,
): Promise<MeasuredProcess> {
  const tracing = name === bare ? [] : ['--import', `./${name}/tracing.ts`]
  return startMeasuredProcess({
    ...{ name, cwd: folder, readyPath: '/health', environment, signal },
    args: [...tracing, `${name}/server.ts`],
    ...(onOutput && { onOutput }),
  })
}

/**
 * Returns the service and the peers, running on one database with one signing key, so that all take the tokens that the
 * service has issued; `close` ends all of them.
 */
export async function openPeers(
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
  const peers: (Subject & { stop: () => Promise<void> })[] = []
  const close = async (): Promise<void> => {
    for (const peer of peers.splice(0)) await peer.stop()
    await opened.close()
  }
  try {
    const [service] = opened.subjects
    if (!service) throw new Error('the service was not started')
    const { databaseUrl, data } = service
    const environment = measuredEnvironment({ databaseUrl, traces: opened.traces, privateKey })
    for (const name of names) {
      peers.push({ key: name, name, data, ...(await startPeer(name, environment, signal)) })
    }
    return { ...opened, service, peers: [...peers], close }
  } catch (error) {
    await close()
    throw error
  }
}
