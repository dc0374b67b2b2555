/** The tables that show what features cost, and what shortcuts save. */
import { describe, expect, it } from 'vitest'
import type { Group } from '../../result/schema.ts'
import { resultOf, scenarioOf } from '../../test/helpers/results.ts'
import { chooseVariants } from '../command.ts'
import { renderAblation, SUBJECT_NAMES } from '../output.ts'
import { VARIANTS } from '../variants.ts'

describe('the tables of an ablation', () => {
  const rates = (rate: number): number[] => [0, 1, 2, 3, 4, 5].map(i => rate + i)
  const member = (name: string, rate: number, cpuUs: number) => ({
    name,
    scenarios: [scenarioOf(rates(rate), cpuUs)],
  })
  const group: Group = {
    options: resultOf([]).options,
    reference: SUBJECT_NAMES.everything,
    connections: {},
    subjects: [
      member(SUBJECT_NAMES.everything, 10_000, 60),
      member(SUBJECT_NAMES.without('cors'), 11_000, 57),
      member(SUBJECT_NAMES.without('metrics'), 10_500, 58),
      member(SUBJECT_NAMES.without('batching'), 5000, 100),
      member(SUBJECT_NAMES.withoutAll('feature'), 12_000, 54),
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
  expect(chooseVariants([])).toBe(VARIANTS)
  expect(new Set(VARIANTS.map(({ name }) => name)).size).toBe(VARIANTS.length)
})
