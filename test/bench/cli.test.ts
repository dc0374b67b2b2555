/** The command line as its users meet it: exit codes, one clear line for what is wrong, nothing left behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Value } from '@sinclair/typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ResultSchema } from '../../bench/result/schema.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'
import { startTarget, type Target } from './helpers/target.ts'

const cli = fileURLToPath(new URL('../../bench/cli.ts', import.meta.url))
let folder: string
let target: Target

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-cli-'))
  target = await startTarget('two-speeds')
})
afterAll(async () => {
  await target.stop()
  await rm(folder, { recursive: true })
})

function start(...args: string[]) {
  // TMPDIR: what is left behind would be left there.
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, TMPDIR: folder } })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    output.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    output.stderr += chunk
  })
  return { child, output, ended: once(child, 'close').then(([code]) => ({ code: Number(code), ...output })) }
}

const bench = (...args: string[]) => start(...args).ended

describe('bad input brings one line and an exit code', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['an unknown command', ['fly'], 64, /unknown command "fly"/],
    ['an unknown option', ['--fast'], 64, /--fast/],
    ['an unknown scenario', ['--scenario', 'nope'], 64, /unknown scenario "nope"; there are: get-me/],
    ['a number that is none', ['--target', 'http://127.0.0.1:1', '--rate', 'x'], 64, /--rate takes a number/],
    ['an address that is none', ['--target', 'nonsense'], 69, /--target takes a URL/],
    ['an unreachable target', ['--target', 'http://127.0.0.1:1'], 69, /ECONNREFUSED/],
    [
      'a git ref that does not exist',
      ['ab', '--base', 'no-such-ref'],
      64,
      /there is no git ref "no-such-ref"/,
    ],
    ['an unknown peer', ['peers', '--peer', 'nobody'], 64, /unknown peer "nobody"; there are: bare, express/],
    ['a scenario that peers lack', ['peers', '--scenario', 'mix'], 64, /peers have get-user and login/],
    ['an unknown form', ['--target', 'http://127.0.0.1:1', '--format', 'xml'], 64, /--format takes table/],
    ['a missing result', ['compare', 'nothing', 'nothing'], 64, /there is no result "nothing"/],
    ['an unknown objective', ['sweep', '--target', 'http://127.0.0.1:1', '--slo', 'fast'], 64, /--slo takes/],
  ]

  it.for(cases)('%s', async ([, args, code, line]) => {
    const ended = await bench(...args)
    expect(ended.stderr).toMatch(line)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended.code).toBe(code)
    expect((await readdir(folder)).filter(name => name.startsWith('plumbline-'))).toEqual([])
  })

  it('a target that answers 500', async () => {
    const failing = await startTarget('failing')
    const ended = await bench('--target', failing.origin)
    await failing.stop()
    expect(ended.stderr).toMatch(/GET \/: answered 500/)
    expect(ended.code).toBe(69)
  })

  it('a result of another schema version', async () => {
    const file = join(folder, 'other.json')
    await writeFile(file, JSON.stringify({ ...resultOf([]), schemaVersion: 99 }))
    const ended = await bench('compare', file, file)
    expect(ended.stderr).toMatch(/schema version 99, this bench reads 1/)
    expect(ended.code).toBe(64)
  })
})

describe('a target', () => {
  const short = ['--rounds', '1', '--duration', '0.3', '--warmup', '0.1', '--connections', '3']

  it('is measured with the method, headers and body that were given, and the result fits its schema', async () => {
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
    expect(code).toBe(0)
    expect(stdout).toContain('mine: /slow')
    expect(stdout).toMatch(/intended 60\/s, achieved \d+/)
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
    expect(code).toBe(0)
    expect(stdout).toContain('target by rate')
    expect(stdout).toContain('target by connections')
  })

  it('is left alone after Ctrl-C, and what was measured is printed as cut short', async () => {
    const { child, output, ended } = start('--target', target.origin, '--rounds', '20', '--duration', '0.3')
    while (!output.stderr.includes('round 3')) await once(child.stderr, 'data')
    child.kill('SIGINT')
    const { code, stdout } = await ended
    expect(code).toBe(130)
    expect(stdout).toContain('CUT SHORT')
    expect(stdout).toMatch(/^\| GET \//m)
  })
})

describe('compare', () => {
  const save = async (name: string, rates: number[], change: object = {}): Promise<string> => {
    const file = join(folder, `${name}.json`)
    await writeFile(file, JSON.stringify({ ...resultOf([scenarioOf(rates)]), ...change }))
    return file
  }

  it('exits with 0, 1, 2 or 3 by what it finds', async () => {
    const steady = [1000, 1004, 998, 1001, 997, 1003]
    const base = await save('base', steady)
    const slower = await save(
      'slower',
      steady.map(rate => rate * 0.8),
    )
    const noisy = await save('noisy', [1000, 300, 1500, 400, 1800, 900])
    const { fingerprint } = resultOf([])
    const machine = { ...fingerprint.machine, cores: 64 }
    const elsewhere = await save('elsewhere', steady, { fingerprint: { ...fingerprint, machine } })
    const codes = await Promise.all(
      [[base], [slower], [elsewhere], [noisy], [elsewhere, '--force']].map(args =>
        bench('compare', base, ...args),
      ),
    )
    expect(codes.map(({ code }) => code)).toEqual([0, 1, 2, 3, 0])
    expect(codes[2]?.stdout).toContain('the machines differ in cores')
  })
})
