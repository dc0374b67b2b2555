/** `frameworks` from end to end: one database, bare and the service, in turns and at half of bare's rate. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID, SERVICE_NAME } from '../../../src/config/service-name.ts'
import { errorsOf } from '../../result/figures.ts'
import { type Result, ResultSchema } from '../../result/schema.ts'

const cli = fileURLToPath(new URL('../../cli.ts', import.meta.url))

it('measures a framework beside the service, and leaves nothing behind', {
  timeout: 300_000,
}, async () => {
  const outer = await mkdtemp(join(tmpdir(), 'bench-frameworks-'))
  onTestFinished(() => rm(outer, { recursive: true, force: true }))
  const json = join(outer, 'out.json')
  const short = [
    '--connections',
    '4',
    '--rounds',
    '2',
    '--duration',
    '0.3',
    '--warmup',
    '0.2',
    '--json',
    json,
  ]
  const run = promisify(execFile)(process.execPath, [cli, 'frameworks', 'bare', ...short], {
    env: { ...process.env, TMPDIR: outer },
  })
  // 1: on a busy machine the generator of the open loop may be late, which voids its figures.
  const { stdout } = await run.catch((error: { code: number; stdout: string }) => {
    expect(error.code).toBe(1)
    expect(error.stdout).toContain('VOID')
    return error
  })
  // Of void rounds no share can be told.
  if (!stdout.includes('VOID'))
    expect(stdout).toMatch(/^login, share of what the hash allows, timed in turn with the logins:$/m)
  const result: unknown = JSON.parse(await readFile(json, 'utf8'))
  expect([...Value.Errors(ResultSchema, result)]).toEqual([])
  const { groups = [], environment } = result as Result
  expect(groups.map(({ options, subjects }) => [options.mode, ...subjects.map(({ name }) => name)])).toEqual([
    ['closed', 'bare', SERVICE_NAME],
    ['open', 'bare', SERVICE_NAME],
  ])
  expect(environment).toHaveProperty('RATE_LIMIT_MAX')
  expect(groups.map(({ hashMs }) => hashMs?.length)).toEqual([2, undefined])
  const rounds = groups.flatMap(({ subjects }) =>
    subjects.flatMap(({ scenarios }) => scenarios.flatMap(scenario => scenario.rounds)),
  )
  expect(rounds).toHaveLength(2 * 2 * 2 + 2 * 2)
  expect(rounds.map(errorsOf).filter(count => count > 0)).toEqual([])
  expect(rounds.every(({ server }) => (server?.rssBytes ?? 0) > 1e7)).toBe(true)
  expect((await readdir(outer)).filter(name => name.startsWith(`${SERVICE_ID}-`))).toEqual([])
})
