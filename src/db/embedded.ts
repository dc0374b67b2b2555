/** Runs a real PostgreSQL server as a child of this process, for development, the tests and the bench. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../process/free-port.ts'
import { dismissGuard, withGuard } from './embedded-guard.ts'
import * as host from './embedded-host.ts'
import { linkLibraries } from './embedded-libraries.ts'
import { claimFolder, clusterName, hasLiveOwner, readText, stopServers } from './embedded-process.ts'

// The names in new data. They do not contain the service's name: data stays usable when the service is renamed.
const ROLE = 'service'
const DATABASE = 'service'
// After a crash the server replays its log first, which may take as long as it took to write it.
const READY_WITHIN_MS = 60_000
const ATTEMPTS = 5
// Read by the commands that a person runs beside the service.
const URL_FILE = 'url'
// Errors that pass: another process took the free port before the server did, or the shared memory of the last server is
// still in use.
const PASSING = /Address already in use|could not create any TCP\/IP sockets|pre-existing shared memory block/

export type EmbeddedOptions = {
  /** Holds data, password and log, and nothing else; created when missing. */
  directory: string
  /** Created when missing. The default is the one that the data was created with. */
  database?: string
  /** A free one unless given. */
  port?: number
  /** Server settings, such as `{ fsync: 'off' }`. */
  settings?: Record<string, string>
  /** Receives a line for each step. The server's own log is `server.log` in the folder. */
  onLog?: (line: string) => void
}

export type EmbeddedPostgres = {
  url: string
  pid: number
  directory: string
  /** Resolves when the server has ended, for any reason. */
  exited: Promise<void>
  /** Resolves when the server has ended, within 20 s in any state. */
  stop(): Promise<void>
  /** Stops, and removes the database for good. */
  remove(): Promise<void>
}

type Place = {
  directory: string
  folder: string
  data: string
  binaries: host.Binaries
  user: host.ServerUser | undefined
  /** LD_LIBRARY_PATH, where the server needs it. */
  libraries?: string | undefined
}

type Server = {
  child: ChildProcess
  port: number
  exited: Promise<void>
}

/**
 * Starts a server on a free port of 127.0.0.1 and returns once it is ready. A server that a killed process left in the same
 * directory is stopped first. The server does not keep this process alive. Throws one sentence that says what to do where
 * a live process serves the directory, where it holds something else or data of another major version, and where there are
 * no binaries for this platform.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { onLog = () => {} } = options
  const place = await preparePlace(resolve(options.directory))
  const release = await claimFolder(place.folder, place.directory)
  try {
    const left = await stopServers(place.data)
    if (left.length > 0) onLog(`stopped a database server that was left behind: process ${left.join(', ')}`)
    await fs.rm(join(place.data, 'postmaster.pid'), { force: true })
    place.libraries = await linkLibraries(place.binaries.postgres, place.folder)
    if (!existsSync(place.data)) {
      onLog(`initialising a database in ${place.directory}`)
      await initialise(place)
    }
    const server = await launch(place, options)
    server.exited = server.exited.then(release)
    const url = await openDatabase(place, server, options.database)
    await host.replaceFile(join(place.folder, URL_FILE), url, 0o600)
    onLog(`database server started: process ${server.child.pid}, port ${server.port}`)
    return handle(place, server, url)
  } catch (error) {
    await stopServers(place.data).finally(release)
    throw error
  }
}

/** Returns the address of the server that a live process runs in a directory; undefined where none does. */
export async function runningUrl(directory: string): Promise<string | undefined> {
  if (!(await hasLiveOwner(resolve(directory)))) return undefined
  return (await readText(join(resolve(directory), URL_FILE))) || undefined
}

/**
 * Returns the address with every setting that node-postgres would read from PG* variables: PGSSLMODE or PGOPTIONS of a
 * person's shell are for other servers. Only the application's name is left to each client.
 */
export function selfContained(url: string): string {
  return `${url}?sslmode=disable&sslnegotiation=postgres&options=%20&client_encoding=UTF8&replication=false`
}

async function preparePlace(directory: string): Promise<Place> {
  const installed = await host.locateBinaries()
  const user = await host.chooseUser(directory)
  if (user) await host.pruneStore()
  const binaries = await host.reachableBinaries(installed, user)
  const folder = await host.prepareFolder(directory, user)
  const data = join(folder, 'data')
  await assertVersion(data, binaries.version)
  return { directory, folder, data, binaries, user }
}

async function assertVersion(data: string, version: string) {
  if (!existsSync(data)) return
  const ours = version.split('.', 1)[0]
  const theirs = (await readText(join(data, 'PG_VERSION'))).trim()
  if (theirs === ours) return
  throw new Error(
    theirs === ''
      ? `${data} is no PostgreSQL data directory: move it away or set DATABASE_URL`
      : `${data} was made by PostgreSQL ${theirs} and this is ${ours}: dump it with ${theirs}, move it away, or set DATABASE_URL`,
  )
}

/** Creates the data. It appears by the last step, a rename: a start that was killed before is repeated. */
async function initialise(place: Place) {
  const { folder, data, user } = place
  for (const name of await fs.readdir(folder)) {
    // The initdb of a killed process may still write while its folder is being removed.
    if (name.startsWith('partial-')) {
      await fs.rm(join(folder, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    }
  }
  const password = join(folder, 'password')
  await host.replaceFile(password, randomBytes(24).toString('base64url'), 0o600, user)
  const partial = await fs.mkdtemp(join(folder, 'partial-'))
  if (user) await fs.lchown(partial, user.uid, user.gid)
  const flags = [
    ['--pgdata', partial],
    ['--username', ROLE],
    ['--pwfile', password],
    ['--auth', 'scram-sha-256'],
    ['--encoding', 'UTF8'],
    // Built in: the same order and case rules on every host.
    ['--locale-provider', 'builtin'],
    ['--builtin-locale', 'C.UTF-8'],
    ['--locale', 'C'],
  ]
  await runInitdb(place, [...flags.map(([name, value]) => `${name}=${value}`), '--no-sync'])
  await fs.rename(partial, data)
}

/** Runs initdb in a process group of its own: a terminal's Ctrl-C must not reach it. */
async function runInitdb(place: Place, args: string[]) {
  const child = spawn(...withGuard(place.binaries.initdb, args), {
    ...asUser(place),
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.once('exit', () => dismissGuard(child))
  const [errors, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (code !== 0)
    throw new Error(
      `The database could not be initialised: ${errors.trim() || `initdb ended with ${signal ?? code}`}`,
    )
}

/** Returns the options of a child: a folder that it can enter, and an empty environment, since ours holds secrets. */
function asUser({ folder, user, libraries }: Place) {
  const env = { LC_ALL: 'C', TZ: 'UTC', ...(libraries && { LD_LIBRARY_PATH: libraries }) }
  return { cwd: folder, env, ...(user && { uid: user.uid, gid: user.gid }) }
}

async function launch(place: Place, options: EmbeddedOptions): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const server = await spawnServer(place, options)
    try {
      await becomeReady(place, server.child)
      return server
    } catch (cause) {
      await stopServers(place.data)
      const log = (await readText(join(place.folder, 'server.log')))
        .trimEnd()
        .split('\n')
        .slice(-15)
        .join('\n')
      if (attempt === ATTEMPTS || !PASSING.test(log)) {
        throw new Error(`The database server did not start. The end of its log:\n${log}`, { cause })
      }
      await sleep(100 * attempt)
    }
  }
}

async function spawnServer(place: Place, options: EmbeddedOptions) {
  const { folder, data, binaries } = place
  const port = options.port ?? (await freePort())
  const all = {
    ...options.settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    // None: a socket's path is limited to 107 bytes, and the folder's may be longer.
    unix_socket_directories: '',
    cluster_name: await clusterName(data),
    timezone: 'UTC',
    log_timezone: 'UTC',
  }
  const log = join(folder, 'server.log')
  await fs.rename(log, join(folder, 'server.previous.log')).catch(() => {})
  // A file, not a pipe: to write to the pipe of a killed parent would end the server.
  const output = await fs.open(log, 'ax', 0o600)
  try {
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(...withGuard(binaries.postgres, ['-D', data, ...args]), {
      ...asUser(place),
      // A process group of its own: a terminal's Ctrl-C must not end the server before our requests have drained, and a
      // signal that kills this process's group must not kill the guard.
      detached: true,
      stdio: ['pipe', output.fd, output.fd],
    })
    const exited = new Promise<void>(done => child.once('exit', () => done(dismissGuard(child))))
    await once(child, 'spawn')
    child.unref()
    return { child, port, exited }
  } finally {
    await output.close()
  }
}

/** Waits until the server's pid file says that it is ready: only then is the port known to be its, and gets the password. */
async function becomeReady({ data }: Place, child: ChildProcess) {
  const deadline = performance.now() + READY_WITHIN_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it exited')
    const lines = (await readText(join(data, 'postmaster.pid'))).split('\n')
    // Line 8 is the status (PostgreSQL's pidfile.h).
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return
    await sleep(10)
  }
  throw new Error(`it was not ready within ${READY_WITHIN_MS / 1000} s`)
}

/** Connects, creates the database when it is missing, and returns its URL. */
async function openDatabase({ folder }: Place, { port }: Server, wanted: string | undefined) {
  const password = (await readText(join(folder, 'password'))).trim()
  const known = URL.parse(await readText(join(folder, URL_FILE)))
  const role = known?.username || ROLE
  const server = `postgres://${role}:${password}@127.0.0.1:${port}`
  const connectionString = selfContained(`${server}/postgres`)
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database')
    const has = (name: string | undefined) => rows.some(({ datname }) => datname === name)
    const last = decodeURIComponent(known?.pathname.slice(1) ?? '')
    const database = wanted ?? (has(last) && !has(DATABASE) ? last : DATABASE)
    if (!has(database)) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`)
    return `${server}/${encodeURIComponent(database)}`
  } finally {
    await client.end()
  }
}

function handle(place: Place, { child, exited }: Server, url: string): EmbeddedPostgres {
  const end = async () => {
    child.ref()
    await stopServers(place.data)
    // On Windows, processes cannot be listed: stopServers found none.
    child.kill('SIGINT')
    await exited
  }
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= end()
    return stopping
  }
  const remove = async () => {
    await stop()
    await fs.rm(place.folder, { recursive: true, force: true })
    // Where the folder is elsewhere, this is a link.
    await fs.rm(place.directory, { force: true })
  }
  return { url, pid: child.pid ?? 0, directory: place.directory, exited, stop, remove }
}
