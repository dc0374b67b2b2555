/** Creates databases and owner processes for the tests of the embedded server, and removes them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, expect } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { findServers, listCommands, startTime, stopServers } from '../../src/db/embedded-process.ts'

export const MODULE = join(import.meta.dirname, '../../src/db/embedded.ts')
export const OWNER = join(import.meta.dirname, 'embedded-owner.ts')

const folders: string[] = []
const directories: string[] = []
const children: ChildProcess[] = []
let template: Promise<string> | undefined

/** Ends the process and removes the database at the end of the test, also where it fails. */
export function tidyUp(thing: ChildProcess | string) {
  if (typeof thing === 'string') directories.push(thing)
  else children.push(thing)
}

/** Registers the hooks that leave no process and no folder behind. */
export function tidyAfterEach() {
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child)
    for (const directory of directories.splice(0)) {
      const folder = await realpath(directory).catch(() => directory)
      await stopServers(join(folder, 'data'))
      expect(await findServers(join(folder, 'data'))).toEqual({ postmasters: [], children: [] })
      await rm(folder, { recursive: true, force: true })
    }
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
  })
  afterAll(async () => {
    if (template) await rm(dirname(await template), { recursive: true })
    template = undefined
  })
}

/** Returns a path for a database, in a new folder of the given mode. */
export async function place(name = 'postgres', mode = 0o755) {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-embedded-`))
  await chmod(folder, mode)
  folders.push(folder)
  const directory = join(folder, name)
  directories.push(directory)
  return directory
}

/** Returns the path of a stopped database with one row. It is a copy: to initialise one takes up to a second. */
export async function placeWithData() {
  template ??= makeTemplate()
  const directory = await place()
  await promisify(execFile)('cp', ['-a', await template, directory])
  return directory
}

async function makeTemplate() {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-embedded-`))
  await chmod(folder, 0o755)
  const server = await start(join(folder, 'postgres'))
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await server.stop()
  return server.directory
}

/** Starts a server without fsync, which the tests do not need. */
export async function start(directory: string, settings: Record<string, string> = {}) {
  return await startEmbeddedPostgres({ directory, settings: { fsync: 'off', ...settings } })
}

/** Returns the rows of a statement on a new connection. */
export async function query(url: string, text: string) {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Kills a process and waits for its end. */
export async function kill(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Starts a Node.js process that owns a server, and resolves when the server is ready. */
export async function spawnOwner(directory: string, { module = MODULE, drop = [] as number[] } = {}) {
  const owner = spawn(process.execPath, [OWNER, module, directory, ...drop.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(owner)
  let log = ''
  owner.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  for await (const line of createInterface(owner.stdout)) {
    return { owner, ...(JSON.parse(line) as { url: string; pid: number }) }
  }
  throw new Error(`the owner ended without a server: ${log}`)
}

/** Returns the guards of the servers of a data directory. */
export async function findGuards(data: string) {
  const commands = await listCommands()
  return commands
    .filter(([, command]) => /^\S*sh[\0 ]-c[\0 ]/.test(command) && command.includes(`\0${data}\0`))
    .map(([pid]) => pid)
}

/** Returns a server whose owner and guard were killed right after a change. */
export async function orphan(directory: string) {
  const { owner, url, pid } = await spawnOwner(directory)
  await query(url, 'UPDATE kept SET answer = 43')
  const guards = await findGuards(join(await realpath(directory), 'data'))
  expect(guards).toHaveLength(1)
  for (const guard of guards) process.kill(guard, 'SIGKILL')
  await kill(owner)
  expect(await isAlive(pid)).toBe(true)
  return pid
}

/** Asserts that the row exists, and stops the server. */
export async function expectKept(server: EmbeddedPostgres, answer = 42) {
  expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer }])
  await server.stop()
}

/** Returns whether a process runs. A zombie, which an orphan may be for a while, does not. */
export async function isAlive(pid: number) {
  return (await startTime(pid)) !== undefined
}
