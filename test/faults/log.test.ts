/** Standard output that is full, stopped or closed: requests succeed, lost lines are counted, and the end is clean (P41). */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { inheritedEnvironment } from '../../harness/environment.ts'
import type { Environment } from '../../src/config/config.ts'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { freePort } from '../../src/process/free-port.ts'
import { testEnvironment } from '../helpers/config.ts'
import { databaseOfTest } from '../helpers/database.ts'
import { createRemote } from '../helpers/remote.ts'
import { ROOT } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

const TOKEN = 'a token for the metrics'

/** Requests for each case: their lines fill a pipe of 64 KiB. */
const REQUESTS = 400

/** A second for the log, and much more for a busy machine; the timeout of the shutdown is longer. */
const END_WITHIN_MS = 15_000

/** Starts the service with these descriptors, and resolves when it responds. */
async function launch(stdio: StdioOptions, overrides: Environment = {}, command = '"$0" src/server.ts') {
  const database = await databaseOfTest()
  const port = await freePort()
  const environment = testEnvironment(database.url, {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    DRAIN_DELAY: '0s',
    METRICS_TOKEN: TOKEN,
    PORT: String(port),
    ...overrides,
  })
  const child = spawn('bash', ['-c', `exec ${command}`, process.execPath], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), ...environment },
    stdio,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const remote = createRemote(`http://127.0.0.1:${port}`)
  const isUp = async () => (await remote.call('GET', '/health/live').catch(() => undefined))?.status === 200
  await until('the service responds', isUp, 90_000)
  return { child, remote }
}

async function request({ remote }: Awaited<ReturnType<typeof launch>>) {
  for (let index = 0; index < REQUESTS; index += 20) {
    const calls = Array.from({ length: 20 }, () => remote.call('GET', '/health/live'))
    for (const { status } of await Promise.all(calls)) expect(status).toBe(200)
  }
}

const dropped = ({ remote }: Awaited<ReturnType<typeof launch>>) =>
  remote.metric('log_lines_dropped_total', TOKEN)

async function expectCleanEnd(child: ChildProcess) {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const late = sleep(END_WITHIN_MS, ['still running'], { ref: false })
  expect(await Promise.race([exit, late])).toEqual([0, null])
}

const VARIANTS: Record<string, Environment> = {
  json: {},
  pretty: { LOG_FORMAT: 'pretty' },
  'two workers': { WORKERS: '2' },
}

it.for(Object.keys(VARIANTS))(
  'P41: %s: serves, counts what it loses and ends with 0 on a full disk',
  async name => {
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    const service = await launch(['ignore', full, full], VARIANTS[name])
    await request(service)
    await expect.poll(() => dropped(service), { timeout: 10_000 }).toBeGreaterThanOrEqual(REQUESTS)
    await expectCleanEnd(service.child)
  },
)

it.for(['json', 'two workers'])(
  'P41: %s: serves and ends with 0 where the readers have stopped',
  async name => {
    const service = await launch(['ignore', 'pipe', 'pipe'], VARIANTS[name])
    service.child.stdout?.pause()
    service.child.stderr?.pause()
    await request(service)
    await expectCleanEnd(service.child)
  },
)

it.for(['json', 'pretty'])(
  'P41: %s: serves, counts and ends with 0 where the readers are gone',
  async name => {
    const service = await launch(['ignore', 'pipe', 'pipe'], VARIANTS[name])
    service.child.stdout?.destroy()
    service.child.stderr?.destroy()
    await request(service)
    await expect.poll(() => dropped(service), { timeout: 10_000 }).toBeGreaterThan(0)
    await expectCleanEnd(service.child)
  },
)

it('P41: serves and ends with 0 where the terminal has stopped, as after Ctrl-S', async () => {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-log-`))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [pidFile, codeFile] = [join(folder, 'pid'), join(folder, 'code')]
  // script(1) provides a terminal, and reads nothing from it while it is stopped.
  const inner = `sh -c 'echo $$ >"${pidFile}"; exec "${process.execPath}" src/server.ts'; echo $? >"${codeFile}"`
  const service = await launch(
    ['ignore', 'ignore', 'ignore'],
    {},
    `script -qc '${inner.replaceAll("'", `'\\''`)}' "${join(folder, 'typescript')}"`,
  )
  const pid = Number(await readFile(pidFile, 'utf8'))
  onTestFinished(() => {
    service.child.kill('SIGCONT')
  })
  service.child.kill('SIGSTOP')
  await request(service)
  process.kill(pid, 'SIGTERM')
  await until('the service has ended', () => existsSync(codeFile), END_WITHIN_MS)
  expect((await readFile(codeFile, 'utf8')).trim()).toBe('0')
})

it('P41: writes again when the file may grow again, and reports how many lines were lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-log-`))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'log')
  const output = openSync(file, 'a')
  onTestFinished(() => closeSync(output))
  // As on a full disk, each write of this process beyond so many KiB fails.
  // Its coverage would be cut as well.
  const limit = 'env -u NODE_V8_COVERAGE prlimit --fsize=32768: "$0" src/server.ts'
  const service = await launch(['ignore', output, 'ignore'], {}, limit)
  await request(service)
  await expect.poll(() => dropped(service), { timeout: 10_000 }).toBeGreaterThan(0)
  const grown = spawn('prlimit', [`--pid=${service.child.pid}`, '--fsize=1000000:'])
  expect(await once(grown, 'exit')).toEqual([0, null])
  await request(service)
  await until('the loss is logged', async () =>
    (await readFile(file, 'utf8')).includes('log lines were dropped'),
  )
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  const loss = JSON.parse(lines.find(line => line.includes('log lines were dropped')) ?? '')
  expect(loss).toMatchObject({ level: 'error', lines: await dropped(service), code: 'EFBIG' })
  await expectCleanEnd(service.child)
})

it('P41: exits with 1 where the reason of a failed start cannot be written', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  const child = spawn(process.execPath, ['src/server.ts'], {
    cwd: ROOT,
    env: { ...inheritedEnvironment(), NODE_ENV: 'production' },
    stdio: ['ignore', full, full],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  expect(await once(child, 'exit')).toEqual([1, null])
})
