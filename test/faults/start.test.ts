/** SIGTERM at any moment of the start ends the process, and everything that it started (P20). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import type { Environment } from '../../src/config/config.ts'
import { SERVICE_ID, SERVICE_NAME } from '../../src/config/service-name.ts'
import { findServers, stopServers } from '../../src/db/embedded-process.ts'
import { testEnvironment } from '../helpers/config.ts'
import { databaseOfTest } from '../helpers/database.ts'
import { createRemote } from '../helpers/remote.ts'
import { ENDS_WITH_US, ROOT, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

/** A start takes a second or two, with the end of what it started; on a busy machine twenty times as long. */
const END_WITHIN_MS = 60_000

/** Starts the process and returns at once. */
function launch(environment: Environment, { detached = false } = {}) {
  const child = spawn(process.execPath, ['src/server.ts', ENDS_WITH_US], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), LOG_LEVEL: 'info', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  const append = (text: string) => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', append)
  child.stderr.setEncoding('utf8').on('data', append)
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return { child, exited, output: () => output }
}

async function terminate(started: ReturnType<typeof launch>) {
  started.child.kill('SIGTERM')
  await expectOrderlyEnd(started)
}

async function expectOrderlyEnd({ exited, output }: ReturnType<typeof launch>) {
  const late = sleep(END_WITHIN_MS, ['still running'], { ref: false })
  const [code, signal] = await Promise.race([exited, late])
  // Before its first line, Node ends by the signal itself; from then on it ends in order.
  expect(signal ?? code, output()).toBeOneOf([0, 'SIGTERM'])
}

/** Where the embedded server of a test keeps its data; emptied, with the server stopped, when the test ends. */
async function dataFolder() {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-start-`))
  const link = join(folder, 'postgres')
  const data = async () => join(await realpath(link).catch(() => link), 'data')
  onTestFinished(async () => {
    await stopServers(await data())
    await rm(await realpath(link).catch(() => link), { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  })
  return { folder, link, data }
}

const moments: [
  string,
  (place: Awaited<ReturnType<typeof dataFolder>>, output: () => string) => Promise<boolean>,
][] = [
  [
    'its database is being initialised',
    async ({ link }) => (await readdir(link).catch(() => [])).some(name => name.startsWith('partial-')),
  ],
  ['its database starts', async ({ data }) => existsSync(join(await data(), 'postmaster.pid'))],
  ['it listens', async (_place, output) => output().includes('Server listening')],
]

describe('SIGTERM during the start', () => {
  it.for(moments)('P20: leaves nothing behind when %s', async ([what, hasCome]) => {
    const place = await dataFolder()
    const started = launch({ NODE_ENV: 'development', DATA_DIR: place.folder })
    await until(what, () => hasCome(place, started.output), 45_000)
    await terminate(started)
    expect(await findServers(await place.data())).toEqual({ postmasters: [], children: [] })
  })

  it('P42: leaves nothing behind of an initialisation that a Ctrl-C interrupts', async () => {
    const place = await dataFolder()
    const started = launch({ NODE_ENV: 'development', DATA_DIR: place.folder }, { detached: true })
    const isWriting = async () => {
      const names = await readdir(place.link).catch(() => [])
      return names.some(name => name.startsWith('partial-') && existsSync(join(place.link, name, 'base')))
    }
    await until('initdb has begun to write', isWriting, 45_000)
    // A terminal sends it to every process of its group.
    process.kill(-(started.child.pid as number), 'SIGINT')
    await expectOrderlyEnd(started)
    expect(started.output()).not.toContain('initialised')
    expect((await readdir(place.link)).filter(name => name.startsWith('partial-'))).toEqual([])
    expect(await findServers(await place.data())).toEqual({ postmasters: [], children: [] })
  })

  it('P20: ends workers that get the signal themselves, as from Ctrl-C', async () => {
    const database = await databaseOfTest()
    const environment = testEnvironment(database.url, {
      NODE_ENV: 'production',
      WORKERS: '2',
      DRAIN_DELAY: '0s',
    })
    for (const moment of [600, 900, 1200, 1500]) {
      const started = launch({ ...environment, LOG_LEVEL: 'info' }, { detached: true })
      await Promise.race([sleep(moment), started.exited])
      process.kill(-(started.child.pid as number), 'SIGTERM')
      await expectOrderlyEnd(started)
      expect(started.output()).not.toContain('is replaced')
    }
  })

  it('P20: ends a production process at any moment, and frees its connections', async () => {
    const database = await databaseOfTest()
    const environment = testEnvironment(database.url, { NODE_ENV: 'production', DRAIN_DELAY: '0s' })
    for (let round = 0; round < 4; round++) {
      const started = launch({ ...environment, LOG_LEVEL: 'info' })
      await Promise.race([sleep(Math.random() * 1500), started.exited])
      await terminate(started)
    }
    await until('no connection is left', async () => {
      const { rowCount } = await database.query(
        `select from pg_stat_activity where datname = current_database() and starts_with(application_name, ${pg.escapeLiteral(SERVICE_NAME)})`,
      )
      return rowCount === 0
    })
  })
})

it('listens once where its host has two addresses', async () => {
  const database = await databaseOfTest()
  const preload = ['--import', './test/helpers/two-addresses.ts']
  const service = await startService(database.url, { HOST: 'localhost' }, preload)
  await createRemote(service.origin).call('GET', '/health/live')
  await service.stop()
  expect(service.log.filter(line => line.includes('Server listening'))).toHaveLength(1)
})
