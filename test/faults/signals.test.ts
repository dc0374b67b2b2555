/** A signal to any process of an npm script ends all of them (P42). */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, type TestContext } from 'vitest'
import { SERVICE_TITLE } from '../../src/config/service-name.ts'
import { createCheckout } from '../helpers/checkout.ts'
import { killAllIn, processesIn, runScript, type Script } from '../helpers/npm.ts'
import { until } from '../helpers/until.ts'

const READY = `${SERVICE_TITLE} is ready.`
/** A start takes two seconds, and on a busy machine twenty times that. */
const READY_WITHIN_MS = 90_000
const END_WITHIN_MS = 20_000

/** The process of the service, that of npm, and all of them at once, as from a terminal or an init system. */
type Target = 'npm' | 'the service' | 'the group'

/** A checkout for each test, which is removed with every process in it. */
async function prepare({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const { folder, remove } = await createCheckout('checkout')
  onTestFinished(async () => {
    await killAllIn(folder)
    await remove()
  })
  return folder
}

async function startReady(folder: string, script: string) {
  const started = runScript(folder, script)
  const isReady = () => started.output().includes(READY)
  await until(`${script} is ready`, isReady, READY_WITHIN_MS).catch(error => {
    throw new Error(started.output(), { cause: error })
  })
  return started
}

async function send(folder: string, { pid }: Script, target: Target, signal: NodeJS.Signals) {
  if (target === 'npm') return process.kill(pid, signal)
  if (target === 'the group') return process.kill(-pid, signal)
  const [service] =
    [...(await processesIn(folder))].find(([, command]) => command.includes('server.ts')) ?? []
  process.kill(service ?? 0, signal)
}

async function expectNothingLeft(folder: string, { output }: Script) {
  let left = new Map<number, string>()
  const isEmpty = async () => {
    left = await processesIn(folder)
    return left.size === 0
  }
  await until('nothing is left', isEmpty, END_WITHIN_MS).catch(error => {
    throw new Error(`${[...left.values()].join('\n')}\n${output()}`, { cause: error })
  })
}

const ORDERLY = { code: 0, signal: null }

// npm ends by SIGHUP itself; the service detects that its parent has ended.
const cases: [script: string, signal: NodeJS.Signals, target: Target, end?: typeof ORDERLY][] = [
  ['start', 'SIGTERM', 'npm', ORDERLY],
  ['start', 'SIGHUP', 'npm'],
  ['start', 'SIGKILL', 'npm'],
  ['start', 'SIGHUP', 'the service', ORDERLY],
  ['start', 'SIGKILL', 'the group'],
  ['dev', 'SIGINT', 'the group', ORDERLY],
  ['dev', 'SIGHUP', 'npm'],
  ['dev', 'SIGKILL', 'npm'],
  ['dev', 'SIGTERM', 'the service', ORDERLY],
]

// Run again with `--repeats=19`, to see it twenty times.
describe.concurrent('P42: after npm run', () => {
  it.for(cases)('%s, %s to %s leaves nothing behind', async ([script, signal, target, end], context) => {
    const folder = await prepare(context)
    const started = await startReady(folder, script)
    await send(folder, started, target, signal)
    const exit = await started.exited
    await expectNothingLeft(folder, started)
    if (end) expect(exit).toEqual(end)
    // Unless it was killed itself, it has drained.
    if (signal !== 'SIGKILL' || target === 'npm') expect(started.output()).toContain('shutting down')
  })

  it('start, a signal at any moment of the start leaves nothing behind', async context => {
    const folder = await prepare(context)
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGKILL', 'SIGINT'] as const) {
      const started = runScript(folder, 'start')
      await Promise.race([sleep(200 + Math.random() * 1500), started.exited])
      await send(folder, started, 'npm', signal)
      await started.exited
      await expectNothingLeft(folder, started)
    }
  })

  it('dev, a signal during a restart leaves nothing behind, and the welcome text came once', async context => {
    const folder = await prepare(context)
    const started = await startReady(folder, 'dev')
    const countOf = (text: string) => started.output().split(text).length - 1
    await appendFile(join(folder, 'src/http/errors.ts'), '\n')
    await until('it listens again', () => countOf('Server listening') === 2, READY_WITHIN_MS)
    await appendFile(join(folder, 'src/http/errors.ts'), '\n')
    await until('it begins a third time', () => countOf('restarting') === 2)
    await send(folder, started, 'npm', 'SIGTERM')
    expect(await started.exited).toEqual(ORDERLY)
    await expectNothingLeft(folder, started)
    expect(countOf(READY)).toBe(1)
    expect(countOf('Server listening')).toBe(2)
  })

  it('dev, a service that fails is restarted by the next change', async context => {
    const folder = await prepare(context)
    const started = await startReady(folder, 'dev')
    await appendFile(join(folder, 'src/http/errors.ts'), 'this is no TypeScript')
    await until('it says that it waits', () => started.output().includes('It starts again when'))
    await send(folder, started, 'npm', 'SIGINT')
    expect(await started.exited).toEqual(ORDERLY)
    await expectNothingLeft(folder, started)
  })
})
