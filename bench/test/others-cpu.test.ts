/** The CPU that other processes take, and what that does to a round and to a comparison. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { compareScenarios, exitCodeOfComparison } from '../compare.ts'
import { disturbedLines } from '../output/caveats.ts'
import { renderComparison } from '../output/comparison.ts'
import { othersShare, parseBusy, parseProcess, readCpu, ticksOf } from '../service/cpu.ts'
import { scenarioOf } from './helpers/results.ts'

describe('the accounts of the kernel', () => {
  it('are read from /proc/stat: everything but idle and waiting, with the time that a hypervisor took', () => {
    expect(parseBusy('cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4\n')).toBe(171)
  })

  it('are read from /proc/<pid>/stat, with any name of the process', () => {
    const rest = 'S 7 42 42 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1'
    for (const name of ['node', 'a b', ') 1 (', 'x) R 1 2']) {
      expect(parseProcess(`42 (${name}) ${rest}\n`)).toEqual({ pid: 42, parent: 7, ticks: 110 })
    }
    expect(parseProcess('')).toBeUndefined()
  })

  it('are added up over a process and its descendants alone', () => {
    const processes = [
      { pid: 1, parent: 0, ticks: 1000 },
      { pid: 10, parent: 1, ticks: 1 },
      { pid: 11, parent: 10, ticks: 2 },
      { pid: 12, parent: 11, ticks: 4 },
      { pid: 20, parent: 1, ticks: 500 },
    ]
    expect(ticksOf(10, processes)).toBe(7)
    expect(ticksOf(99, processes)).toBe(0)
  })

  it('give a share of all cores, or none where they are not known', () => {
    const before = { at: 0, busy: 10, ours: 5 }
    expect(othersShare(before, { at: 2000, busy: 13, ours: 7 }, 2)).toBeCloseTo(0.25)
    expect(othersShare(before, { at: 2000, busy: 11, ours: 7 }, 2)).toBe(0)
    expect(othersShare(undefined, before, 2)).toBeUndefined()
    expect(othersShare(before, before, 2)).toBeUndefined()
  })
})

describe.runIf(process.platform === 'linux')('a process that burns CPU', () => {
  const burner = 'const end = Date.now() + 30_000; while (Date.now() < end);'
  const started: number[] = []
  afterAll(() => {
    for (const pid of started) {
      try {
        process.kill(pid)
      } catch {
        // It has ended.
      }
    }
  })

  it('counts as ours where we started it, and as another where we did not', async () => {
    // A busy machine gives the burner any share of a core, and its neighbours are others, too. So each account is held
    // against what the kernel says the burner itself has used in the same time.
    const own = spawn(process.execPath, ['-e', burner])
    if (own.pid === undefined) throw new Error('the burner has not started')
    started.push(own.pid)
    const asOurs = await watch(own.pid)
    own.kill()
    await once(own, 'exit')
    const foreign = await spawnOrphan(burner)
    started.push(foreign)
    const asAnother = await watch(foreign)
    expect(asOurs.ours).toBeGreaterThan(0.8 * asOurs.burner)
    expect(asAnother.ours).toBeLessThan(0.5 * asAnother.burner)
    expect(asAnother.others).toBeGreaterThan(0.8 * asAnother.burner)
  })

  /** Returns the CPU seconds of a burner, and of ours and of others at least, until it has had 0.3 s. */
  async function watch(pid: number): Promise<{ burner: number; ours: number; others: number }> {
    const before = readCpu()
    const from = cpuOf(pid)
    await vi.waitFor(() => expect(cpuOf(pid) - from).toBeGreaterThan(0.3), { timeout: 25_000, interval: 100 })
    const burner = cpuOf(pid) - from
    const after = readCpu()
    if (!before || !after) throw new Error('there is no /proc')
    const share = othersShare(before, after) ?? Number.NaN
    return {
      burner,
      ours: after.ours - before.ours,
      others: (share * availableParallelism() * (after.at - before.at)) / 1000,
    }
  }

  /** CPU seconds that a process has used so far. */
  function cpuOf(pid: number): number {
    const ticks = parseProcess(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.ticks
    if (ticks === undefined) throw new Error(`there is no process ${pid}`)
    return ticks / 100
  }

  /** Starts a process whose parent ends at once, so that it is no descendant of ours; returns its id. */
  async function spawnOrphan(script: string): Promise<number> {
    const starter = `const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(script)}], { detached: true, stdio: 'ignore' })
      child.unref()
      console.log(child.pid)`
    const parent = spawn(process.execPath, ['-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    parent.stdout.on('data', chunk => {
      text += chunk
    })
    await once(parent, 'close')
    return Number(text)
  }
})

describe('a comparison beside a busy neighbour', () => {
  const terms = { mode: 'closed' as const, maxRegression: 0.05, busyLimit: 0.1 }
  const calm = scenarioOf([1000, 1004, 998, 1001, 997, 1003])
  const slow = (disturbedRounds: number) => {
    const scenario = scenarioOf([500, 502, 499, 501, 498, 503])
    const rounds = scenario.rounds.map((round, i) => ({
      ...round,
      othersCpu: i < disturbedRounds ? 0.5 : 0.02,
    }))
    return { ...scenario, rounds }
  }

  it.for([false, true])('says that it cannot tell, with exit code 3 (side by side: %s)', isPaired => {
    const comparisons = compareScenarios([calm], [slow(6)], { ...terms, isPaired })
    expect(exitCodeOfComparison(comparisons)).toBe(3)
    const text = renderComparison(comparisons, { base: 'a', head: 'b' }, 0.05)
    expect(text).toContain('Cannot tell: others took too much of the CPU')
    expect(text).not.toContain('Slower')
  })

  it('judges by the calm rounds where most are calm, and says which it left out', () => {
    const head = slow(2)
    expect(exitCodeOfComparison(compareScenarios([calm], [head], { ...terms, isPaired: false }))).toBe(1)
    expect(disturbedLines([{ label: 'b, get-user', rounds: head.rounds }], 0.1)).toEqual([
      'DISTURBED b, get-user, 2 of 6 rounds: others took more than 10 % of the CPU, at most 50 %.',
    ])
  })

  it('judges all rounds of a result that does not say what others took', () => {
    const slower = scenarioOf([500, 502, 499, 501, 498, 503])
    expect(exitCodeOfComparison(compareScenarios([calm], [slower], { ...terms, isPaired: false }))).toBe(1)
  })
})
