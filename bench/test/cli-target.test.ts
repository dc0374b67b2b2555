/** Measures another server by the command line, and reads what it reports. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ResultSchema } from '../result/schema.ts'
import { createCli } from './helpers/cli.ts'
import { startTarget, type Target } from './helpers/target.ts'

const { folder, start, run: bench, remove } = createCli()
let target: Target

beforeAll(async () => {
  target = await startTarget('two-speeds')
})
afterAll(async () => {
  await target.stop()
  remove()
})

describe('a target', () => {
  const short = ['--rounds', '1', '--duration', '0.3', '--warmup', '0.1', '--connections', '3']

  it('is measured with the method, headers and body that were given, and the result matches its schema', async () => {
    const json = join(folder, 'out.json')
    const request = ['--path', '/fast', '--method', 'post', '--header', 'x-a: b', '--body', '{}']
    const { code, stdout } = await bench('--target', target.origin, ...request, ...short, '--json', json)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\| POST \/fast \|/m)
    const result: unknown = JSON.parse(await readFile(json, 'utf8'))
    expect([...Value.Errors(ResultSchema, result)]).toEqual([])
  })

  it('can be given a scenario file, and an open loop', async () => {
    const file = join(folder, 'mine.json')
    const endpoints = ['/fast', '/slow'].map(path => ({ name: path, method: 'GET', path }))
    await writeFile(file, JSON.stringify({ name: 'mine', endpoints }))
    const { code, stdout } = await bench(
      '--target',
      target.origin,
      '--scenario',
      file,
      ...short,
      // In 0.3 s the start of the generator would count as its saturation.
      ...['--duration', '1', '--rate', '60'],
    )
    // 1: on a busy machine the generator may be late, which voids its figures.
    expect(code).toBe(stdout.includes('VOID') ? 1 : 0)
    expect(stdout).toContain('mine: /slow')
    expect(stdout).toMatch(/intended 60\/s, achieved \d+/)
  })

  it('is given a timeout of a second without a word of Node.js about its timers', async () => {
    const load = [
      '--timeout',
      '1',
      '--connections',
      '400',
      '--rounds',
      '1',
      '--duration',
      '1.5',
      '--warmup',
      '0',
    ]
    const { stderr } = await bench('--target', target.origin, '--path', '/fast', ...load)
    expect(stderr).not.toMatch(/warning/i)
  })

  it('is swept by rate and by connections', async () => {
    const sweep = [
      'sweep',
      '--target',
      target.origin,
      '--path',
      '/slow',
      '--steps',
      '4',
      '--slo',
      'p95=500ms',
    ]
    const { code, stdout } = await bench(...sweep, ...short)
    // On a busy machine a step may be void, or the verdict uncertain.
    expect(/void|cannot tell/.test(stdout) ? [0, 1, 3] : [0]).toContain(code)
    expect(stdout).toContain('target by rate')
    expect(stdout).toContain('target by connections')
  })

  it('is left alone after Ctrl-C, and what was measured is printed as cut short', async () => {
    const { child, output, ended } = start('--target', target.origin, '--rounds', '20', '--duration', '0.3')
    // The second line of progress: without a terminal there is one every two seconds.
    while (!/round [2-9]/.test(output.stderr)) await once(child.stderr, 'data')
    child.kill('SIGINT')
    const { code, stdout } = await ended
    expect(code).toBe(130)
    expect(stdout).toContain('CUT SHORT')
    expect(stdout).toMatch(/^\| GET \//m)
  })
})
