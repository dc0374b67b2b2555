/** What a comparison reports, and its exit code. */
import { describe, expect, it } from 'vitest'
import { compareScenarios, exitCodeOfComparison, obstacles } from '../compare.ts'
import type { Result } from '../result/schema.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const steady = [1000, 1004, 998, 1001, 997, 1003, 1000, 1002]
const wild = [1000, 1500, 700, 1200, 600, 1400, 900, 800]
const limit = 0.05

function codeOf(base: number[], head: number[], isPaired = false): number {
  const judgement = { mode: 'closed' as const, isPaired, maxRegression: limit }
  return exitCodeOfComparison(compareScenarios([scenarioOf(base)], [scenarioOf(head)], judgement))
}

describe('the exit code of a comparison', () => {
  it('is 0 for the same throughput, and for a higher one', () => {
    expect(codeOf(steady, steady.toReversed())).toBe(0)
    expect(
      codeOf(
        steady,
        steady.map(rate => rate * 1.3),
      ),
    ).toBe(0)
  })

  it('is 1 for a throughput that is a tenth lower', () => {
    expect(
      codeOf(
        steady,
        steady.map(rate => rate * 0.9),
      ),
    ).toBe(1)
    expect(
      codeOf(
        steady,
        steady.map(rate => rate * 0.9),
        true,
      ),
    ).toBe(1)
  })

  it('is 0 for one that is lower by less than allowed', () => {
    expect(
      codeOf(
        steady,
        steady.map(rate => rate * 0.98),
      ),
    ).toBe(0)
  })

  it('is 3 where the noise could hide a regression', () => {
    expect(codeOf(wild, wild.toReversed())).toBe(3)
  })

  it('is 3, not 0, where there are too few rounds to tell', () => {
    expect(codeOf([1000, 1001], [1000, 999])).toBe(3)
  })
})

describe('a verdict', () => {
  it('rests on CPU per request too, and says which way it went', () => {
    const judgement = { mode: 'closed' as const, isPaired: true, maxRegression: limit }
    const base = [scenarioOf(steady, 100)]
    const [comparison] = compareScenarios(base, [scenarioOf(steady, 110)], judgement)
    const cpu = comparison?.metrics.find(({ metric }) => metric === 'CPU/request')
    expect(cpu).toMatchObject({ verdict: 'slower', judged: true })
    expect(cpu?.ratio?.estimate).toBeCloseTo(1.1, 2)
    expect(comparison?.regressed).toBe(true)
  })

  it('leaves out void rounds, and in pairs what was measured beside them', () => {
    const spoilt = scenarioOf(steady.map((rate, i) => (i === 3 ? 1 : rate)))
    const [, , , round] = spoilt.rounds
    if (round) round.void = 'the generator was saturated'
    const judgement = { mode: 'closed' as const, isPaired: true, maxRegression: limit }
    expect(exitCodeOfComparison(compareScenarios([scenarioOf(steady)], [spoilt], judgement))).toBe(0)
  })
})

describe('results are not comparable', () => {
  const other = (change: (result: Result) => void): Result => {
    const result = resultOf([scenarioOf(steady)])
    change(result)
    return result
  }
  const base = resultOf([scenarioOf(steady)])

  it('when their machines differ, but they are when only the code does', () => {
    expect(
      obstacles(
        base,
        other(result => (result.fingerprint.machine.cpu = 'another')),
      ),
    ).toEqual(['the machines differ in cpu'])
    expect(
      obstacles(
        base,
        other(result => (result.fingerprint.code.commit = 'f00')),
      ),
    ).toEqual([])
  })

  it('when their options or settings differ, or no scenario is in both', () => {
    expect(
      obstacles(
        base,
        other(result => (result.options.connections = 7)),
      ),
    ).toHaveLength(1)
    expect(
      obstacles(
        base,
        other(result => (result.environment = { RATE_LIMIT_MAX: '5' })),
      ),
    ).toHaveLength(1)
    expect(
      obstacles(
        base,
        other(result => (result.scenarios = [])),
      ),
    ).toHaveLength(1)
  })
})
