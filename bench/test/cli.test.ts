/** The command line: exit codes, one clear line for each mistake, nothing left behind. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { createCli } from './helpers/cli.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'
import { startTarget } from './helpers/target.ts'

const { folder, run: bench, remove } = createCli()
afterAll(remove)

describe('bad input brings one line and an exit code', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['an unknown command', ['fly'], 64, /unknown command "fly"/],
    ['an unknown option', ['--fast'], 64, /--fast/],
    ['an unknown scenario', ['--scenario', 'nope'], 64, /unknown scenario "nope"; there are: [a-z-]+, /],
    ['a number that is none', ['--target', 'http://127.0.0.1:1', '--rate', 'x'], 64, /--rate takes a number/],
    ['an address that is none', ['--target', 'nonsense'], 64, /--target takes a URL/],
    [
      'a warm-up below 0',
      ['--target', 'http://127.0.0.1:1', '--warmup=-1'],
      64,
      /--warmup must not be below/,
    ],
    ['a value that looks like an option', ['--warmup', '-1'], 64, /'--warmup' argument is ambiguous/],
    ['half a seed', ['--target', 'http://127.0.0.1:1', '--seed', '1.5'], 64, /--seed takes a whole/],
    ['an address of another kind', ['--target', 'httpx://127.0.0.1:1'], 64, /--target takes a URL/],
    [
      'a scenario as a second command',
      ['run', 'get-user', '--target', 'http://127.0.0.1:1'],
      64,
      /run does not take "get-user"; see: run --help/,
    ],
    ['a third result', ['compare', 'a', 'b', 'c'], 64, /compare does not take "c"/],
    [
      'a page that cannot be written',
      ['--target', 'http://127.0.0.1:1', '--html', '/dev/null/x.html'],
      64,
      /cannot write --html \/dev\/null\/x/,
    ],
    [
      'a folder as a result',
      ['sweep', '--json', '/tmp', '--target', 'http://127.0.0.1:1'],
      64,
      /cannot write --json \/tmp: it is a folder/,
    ],
    ['an unreachable target', ['--target', 'http://127.0.0.1:1'], 69, /ECONNREFUSED/],
    [
      'a git ref that does not exist',
      ['ab', '--base', 'no-such-ref'],
      64,
      /there is no git ref "no-such-ref"/,
    ],
    ['an unknown form', ['--target', 'http://127.0.0.1:1', '--format', 'xml'], 64, /--format takes table/],
    ['a missing result', ['compare', 'nothing', 'nothing'], 64, /there is no result "nothing"/],
    [
      'arrivals that are none',
      ['sweep', '--target', 'http://127.0.0.1:1', '--arrivals', 'x'],
      64,
      /--arrivals takes/,
    ],
    ['an unknown objective', ['sweep', '--target', 'http://127.0.0.1:1', '--slo', 'fast'], 64, /--slo takes/],
  ]

  it.for(cases)('%s', async ([, args, code, line]) => {
    const ended = await bench(...args)
    expect(ended.stderr).toMatch(line)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
    expect(ended.code).toBe(code)
    expect((await readdir(folder)).filter(name => name.startsWith(`${SERVICE_ID}-`))).toEqual([])
  })

  it('a target that responds with 500', async () => {
    const failing = await startTarget('failing')
    const ended = await bench('--target', failing.origin)
    await failing.stop()
    expect(ended.stderr).toMatch(/GET \/: responded with 500/)
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

  it('says which rounds it left out', async () => {
    const scenario = scenarioOf([1000, 1004, 998, 1001, 997, 1003, 1])
    const [spoilt] = scenario.rounds.slice(-1)
    if (spoilt) spoilt.void = 'the generator was saturated'
    const base = await save('whole', [1000, 1004, 998, 1001, 997, 1003])
    const head = await save('spoilt', [], { scenarios: [scenario] })
    const { code, stdout } = await bench('compare', base, head)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^VOID .*spoilt\.json, get-user, 1 of 7 rounds: the generator was saturated\. They are left out\.$/m,
    )
    expect(stdout).not.toMatch(/^VOID .*whole/m)
  })
})
