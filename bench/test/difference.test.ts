/** Costs in their own unit: differences within blocks, and their sums. */
import { describe, expect, it } from 'vitest'
import { blockDifferences, sumDifferences, summarizeDifferences } from '../stats/difference.ts'
import { createRandom } from '../stats/random.ts'

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
