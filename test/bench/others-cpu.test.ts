/** What processes that are not the bench's take of the CPU, and what that does to a round and to a comparison. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { compareScenarios, exitCodeOfComparison } from '../../bench/compare.ts'
import { disturbedLines } from '../../bench/output/caveats.ts'
import { renderComparison } from '../../bench/output/comparison.ts'
import { othersShare, parseBusy, parseProcess, readCpu, ticksOf } from '../../bench/service/cpu.ts'
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
    // The neighbours of this test are others, too: what is compared is what the burner changes in our own account.
    const own = spawn(process.execPath, ['-e', burner])
    if (own.pid !== undefined) started.push(own.pid)
    const ourShare = await measureOurs(1000)
    own.kill()
    await once(own, 'exit')
    const foreign = await spawnOrphan(burner)
    started.push(foreign)
    const before = readCpu()
    const ours = await measureOurs(1000)
    const share = othersShare(before, readCpu()) ?? 0
    // A core that is shared with the neighbours is still a fifth of a core.
    expect(ourShare).toBeGreaterThan(0.2)
    expect(ours).toBeLessThan(ourShare / 2)
    expect(share).toBeGreaterThan(0.2 / availableParallelism())
  })

  /** CPU seconds per second of this process and its descendants. */
  async function measureOurs(ms: number): Promise<number> {
    const before = readCpu()
    await new Promise(resolve => setTimeout(resolve, ms))
    const after = readCpu()
    if (!before || !after) throw new Error('there is no /proc')
    return ((after.ours - before.ours) * 1000) / (after.at - before.at)
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
