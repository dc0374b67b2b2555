/** Costs in their own unit: differences within blocks, their sums, and the tables that show them. */
import { describe, expect, it } from 'vitest'
import { variants } from '../ablation/variants.ts'
import { chooseVariants } from '../commands/ablate.ts'
import { renderAblation, subjectNames } from '../output/ablation.ts'
import type { Group } from '../result/schema.ts'
import { blockDifferences, sumDifferences, summarizeDifferences } from '../stats/difference.ts'
import { createRandom } from '../stats/random.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

describe('differences', () => {
  it('are taken within blocks, so that a drift of the machine is in none of them', () => {
    const drift = [0, 0, 100, 100, 300, 300]
    const [a, b] = [7, 5].map(level => drift.map(more => level + more))
    expect(blockDifferences(a ?? [], b ?? [])).toEqual([2, 2, 2])
  })

  it('leave a block out in which a figure is missing, alone and in a sum', () => {
    const [known, broken] = [
      [1, 2, 3],
      [10, undefined, 30],
    ]
    expect(blockDifferences([1, 1, undefined, 1], [0, 0, 0, 0])).toEqual([1, undefined])
    expect(sumDifferences([known ?? [], broken ?? []])).toEqual([11, undefined, 33])
  })

  it('have an interval that holds what is true, and none where there are too few', () => {
    const random = createRandom(5)
    // Sums of twelve uniform draws: nearly normal, of variance 1.
    const noise = () => Array.from({ length: 12 }, random).reduce((sum, draw) => sum + draw, -6)
    const found = Array.from({ length: 100 }, () => {
      const summary = summarizeDifferences(Array.from({ length: 10 }, () => 4 + noise()))
      return summary && summary.interval.low <= 4 && summary.interval.high >= 4
    })
    // 95 of them, with a standard deviation of 2.
    expect(found.filter(Boolean).length).toBeGreaterThan(86)
    expect(summarizeDifferences([1, 2, undefined])).toBeUndefined()
  })
})

describe('the tables of an ablation', () => {
  const rates = (rate: number): number[] => [0, 1, 2, 3, 4, 5].map(i => rate + i)
  const member = (name: string, rate: number, cpuUs: number) => ({
    ...{ name, scenarios: [scenarioOf(rates(rate), cpuUs)] },
  })
  const group: Group = {
    ...{ options: resultOf([]).options, reference: subjectNames.everything, connections: {} },
    subjects: [
      member(subjectNames.everything, 10_000, 60),
      member(subjectNames.without('cors'), 11_000, 57),
      member(subjectNames.without('metrics'), 10_500, 58),
      member(subjectNames.without('batching'), 5000, 100),
      member(subjectNames.withoutAll('feature'), 12_000, 54),
    ],
  }
  const text = renderAblation(group, chooseVariants(['cors', 'metrics', 'batching']))

  it('show what a feature costs in CPU, and takes of the throughput', () => {
    expect(text).toMatch(/^\| cors: .* \| +3\.0 \(3\.0 to 3\.0\) \| +−9\.1 % \(−9\.1 % to −9\.1 %\) \|$/m)
    expect(text).toMatch(/^\| metrics: .* \| +2\.0 \(/m)
  })

  it('show what a shortcut saves, and gains', () => {
    expect(text).toMatch(/^\| batching: .* \| +40\.\d \(\S+ to \S+\) \| +(99|100)\.\d % \(/m)
  })

  it('show the sum beside what all of them cost together', () => {
    expect(text).toMatch(/^\| the sum of these +\| +5\.0 \(/m)
    expect(text).toMatch(/^\| all of these off at once +\| +6\.0 \(/m)
  })

  it('have no sum of one', () => {
    const [, shortcuts = ''] = text.split('What each shortcut saves')
    expect(shortcuts).toContain('batching')
    expect(shortcuts).not.toContain('sum')
  })
})

it('names what can be switched off when asked for something else', () => {
  expect(() => chooseVariants(['logs'])).toThrow(/there is nothing called "logs" .* access-log/)
  expect(chooseVariants([])).toBe(variants)
  expect(new Set(variants.map(({ name }) => name)).size).toBe(variants.length)
})
