/** Two workers: their throughput and capacity, the memory of all processes, and nothing left behind. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { addCounters } from '../agent/counters.ts'
import type { Result } from '../result/schema.ts'

const cli = fileURLToPath(new URL('../cli.ts', import.meta.url))
const short = ['--quick', '--connections', '4', '--rounds', '2', '--duration', '0.3', '--warmup', '0.1']

it('measures workers, their capacity, and the memory of all their processes', {
  timeout: 230_000,
}, async () => {
  const outer = await mkdtemp(join(tmpdir(), 'bench-scale-'))
  const json = join(outer, 'out.json')
  try {
    const args = [cli, 'scale', '2', ...short, '--steps', '1', '--slo', 'p50=10s', '--json', json]
    const env = { ...process.env, TMPDIR: outer }
    // 1: figures of a busy machine may be void, which is said of them.
    const { stdout, code } = await promisify(execFile)(process.execPath, args, { env }).then(
      done => ({ ...done, code: 0 }),
      (error: { stdout: string; code: number }) => error,
    )
    expect([0, 1]).toContain(code)
    expect(stdout).toMatch(/^\| 2 workers +\| +[\d,.]+ rps \|/m)
    expect(stdout).toMatch(/^get-user on 2 workers by rate:$/m)
    const { memory = [], sweeps = [], groups = [] } = JSON.parse(await readFile(json, 'utf8')) as Result
    expect(memory.map(({ subject, processes }) => [subject, processes])).toEqual([['2 workers', 3]])
    // Three processes, and no connection with the megabyte of a thread.
    expect(memory[0]?.startBytes).toBeGreaterThan(3 * 50e6)
    expect(memory[0]?.perConnectionBytes).toBeLessThan(200_000)
    expect(sweeps.map(({ subject, by, steps }) => [subject, by, steps.length > 0])).toEqual([
      ['2 workers', 'rate', true],
    ])
    // The figures are those of the workers, not of the process that leads them and has nothing to do.
    const rounds = groups[0]?.subjects[0]?.scenarios[0]?.rounds ?? []
    // A round in which a busy machine let a process stand still has none.
    const figures = rounds.flatMap(({ server }) => server ?? [])
    expect(figures.length).toBeGreaterThan(0)
    for (const { cpuUsPerRequest } of figures) expect(cpuUsPerRequest).toBeGreaterThan(10)
    expect((await readdir(outer)).filter(name => name.startsWith(`${SERVICE_ID}-bench-`))).toEqual([])
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
})

it('adds up the counters of workers, and takes the event loop from them alone', () => {
  const counters = (n: number) => ({
    at: n,
    cpuUs: n,
    loopActiveMs: n,
    loopIdleMs: n,
    gcPauseMs: n,
    gcCount: n,
    rssBytes: n,
  })
  expect(addCounters(counters(1), [])).toEqual(counters(1))
  expect(addCounters(counters(1), [counters(10), counters(100)])).toEqual({
    at: 1,
    cpuUs: 111,
    loopActiveMs: 110,
    loopIdleMs: 110,
    gcPauseMs: 111,
    gcCount: 111,
    rssBytes: 111,
  })
})
