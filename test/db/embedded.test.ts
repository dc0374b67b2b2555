/** The embedded server starts, recovers after it or its owner was killed, and does not touch what is not its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { chooseUser, locateBinaries, reachableBinaries } from '../../src/db/embedded-host.ts'
import { findServers, readText } from '../../src/db/embedded-process.ts'
import {
  expectKept,
  findGuards,
  isAlive,
  kill,
  MODULE,
  OWNER,
  orphan,
  place,
  placeWithData,
  query,
  spawnOwner,
  start,
  tidyAfterEach,
  tidyUp,
} from '../helpers/embedded.ts'
import { until } from '../helpers/until.ts'

tidyAfterEach()

describe('an embedded server', () => {
  it('runs with UTF-8, UTC and the given settings, and has ended after stop', async () => {
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
        db: 'service',
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

  it('keeps its data between a stop and the next start, which can create another database', async () => {
    const directory = await place()
    const first = await start(directory)
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const second = await startEmbeddedPostgres({ directory, database: 'a "b" é' })
    expect(await query(second.url, 'SELECT current_database() AS db')).toEqual([{ db: 'a "b" é' }])
    await second.stop()
    await expectKept(await start(directory))
  })

  it('has its password in a file of mode 0600 and not on the command line, and refuses a wrong one', async () => {
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

  it('runs beside another one, and exactly one of two starts at once in one directory wins', async () => {
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

  it('reports from its log why it did not start', async () => {
    await expect(start(await placeWithData(), { no_such_setting: '1' })).rejects.toThrow(/no_such_setting/)
  })

  it('does not keep its owner alive', async () => {
    const directory = await placeWithData()
    const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(MODULE)})
      await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' })
    tidyUp(child)
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('its guard', () => {
  const dataOf = async (directory: string) => join(await realpath(directory), 'data')
  const countLeft = async (data: string) => {
    const { postmasters, children } = await findServers(data)
    return postmasters.length + children.length + (await findGuards(data)).length
  }

  it('P42: ends the server when its owner is killed, without loss of data, and ends too', async () => {
    const directory = await placeWithData()
    const { owner, url } = await spawnOwner(directory)
    await query(url, 'UPDATE kept SET answer = 43')
    await kill(owner)
    const data = await dataOf(directory)
    await until('nothing is left', async () => (await countLeft(data)) === 0)
    expect(await readText(join(data, 'postmaster.pid'))).toBe('')
    await expectKept(await start(directory), 43)
  })

  it('P42: ends the server also where it is frozen when its owner is killed', async () => {
    const directory = await placeWithData()
    const { owner, pid } = await spawnOwner(directory)
    process.kill(pid, 'SIGSTOP')
    await kill(owner)
    const data = await dataOf(directory)
    await until('nothing is left', async () => (await countLeft(data)) === 0)
  })

  it('ends with the server, and may be killed: the next start takes over', async () => {
    const directory = await placeWithData()
    const server = await start(directory)
    const data = await dataOf(directory)
    expect(await findGuards(data)).toHaveLength(1)
    await server.stop()
    await until('the guard is gone', async () => (await findGuards(data)).length === 0)
    const next = await start(directory)
    for (const guard of await findGuards(data)) process.kill(guard, 'SIGKILL')
    await next.stop()
  })
})

describe('the server of a killed process', () => {
  it('is stopped by the next start, which has the data', async () => {
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

  it('is stopped when the postmaster was killed and its children were frozen', async () => {
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

  it('does not cause the next start to kill another process with the recorded pid', async () => {
    const directory = await placeWithData()
    const server = await start(directory)
    const pidFile = await readFile(join(directory, 'data/postmaster.pid'), 'utf8')
    await server.stop()
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' })
    tidyUp(bystander)
    await writeFile(join(directory, 'data/postmaster.pid'), pidFile.replace(/^\d+/, String(bystander.pid)))
    await writeFile(join(directory, 'owner.json'), JSON.stringify({ pid: bystander.pid, startTime: '1' }))
    await expectKept(await start(directory))
    expect(bystander.signalCode).toBeNull()
  })

  it('does not cause the next start to stop the server of another directory with the recorded pid', async () => {
    const [here, there] = [await placeWithData(), await placeWithData()]
    await (await start(here)).stop()
    const other = await start(there)
    await writeFile(join(here, 'data/postmaster.pid'), `${other.pid}\n${join(here, 'data')}\n`)
    await (await start(here)).stop()
    expect(await isAlive(other.pid)).toBe(true)
    await other.stop()
  })

  it('is stopped also when it was started by hand', async () => {
    const directory = await placeWithData()
    const first = await start(directory)
    await first.stop()
    const data = join(await realpath(directory), 'data')
    const user = await chooseUser(directory)
    const { postgres } = await reachableBinaries(await locateBinaries(), user)
    const settings = [`port=${new URL(first.url).port}`, 'unix_socket_directories=']
    const byHand = spawn(postgres, ['-D', data, ...settings.flatMap(setting => ['-c', setting])], {
      cwd: data,
      env: {},
      stdio: 'ignore',
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    tidyUp(byHand)
    const exited = once(byHand, 'exit')
    const isReady = async () => /^ready/m.test(await readText(join(data, 'postmaster.pid')))
    await until('it is ready', isReady)
    await expectKept(await start(directory))
    await exited
  })

  it('may leave half an initialisation, which is repeated', async () => {
    const directory = await place()
    const owner = spawn(process.execPath, [OWNER, MODULE, directory], { stdio: 'ignore' })
    tidyUp(owner)
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

describe('a folder that is not its own', () => {
  it('is refused where a live process serves it, which continues', async () => {
    const directory = await placeWithData()
    const { owner, url } = await spawnOwner(directory)
    const message = `The database in ${directory} is already served by process ${owner.pid}; stop it, or set DATA_DIR or DATABASE_URL`
    await expect(start(directory)).rejects.toThrow(message)
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('is refused and not changed: another folder, and data of another major version', async () => {
    const foreign = await place()
    await mkdir(foreign)
    await writeFile(join(foreign, 'thesis.txt'), 'years')
    await expect(start(foreign)).rejects.toThrow(/not empty and not a database.*DATABASE_URL/)
    expect(await readdir(foreign)).toEqual(['thesis.txt'])

    const old = await place()
    await mkdir(join(old, 'data'), { recursive: true })
    await writeFile(join(old, 'data-origin'), old)
    await writeFile(join(old, 'data/PG_VERSION'), '9.6\n')
    await expect(start(old)).rejects.toThrow(/made by PostgreSQL 9\.6 and this is 18.*DATABASE_URL/)
    expect(await readdir(join(old, 'data'))).toEqual(['PG_VERSION'])

    await rm(join(old, 'data/PG_VERSION'))
    await expect(start(old)).rejects.toThrow(/is no PostgreSQL data directory.*DATABASE_URL/)

    const file = await place()
    await writeFile(file, 'years')
    await expect(start(file)).rejects.toThrow(/is not a folder.*DATABASE_URL/)
    expect(await readFile(file, 'utf8')).toBe('years')
  })
})
