/** The share of the password hashes that the cores can compute. */
import { describe, expect, it } from 'vitest'
import type { Group } from '../../result/schema.ts'
import { resultOf, scenarioOf } from '../../test/helpers/results.ts'
import { hashShares, renderHashShare } from '../hash-share.ts'

describe('the share of what the hash allows', () => {
  const logins = (name: string, rates: number[]) => ({
    name,
    scenarios: [{ ...scenarioOf(rates), name: 'login' }],
  })
  const group: Group = {
    options: resultOf([]).options,
    reference: 'bare',
    connections: { login: 4 },
    hashMs: [10, 20, 10],
    subjects: [logins('bare', [160, 80, 160]), logins('ours', [100, 50, 100])],
  }

  it('takes each round by the hash time of its own minute', () => {
    // 2 cores / 10 ms are 200/s, and 100/s in the minute in which everything took twice as long.
    expect(hashShares(group, 'bare', 'login', 2)).toEqual([0.8, 0.8, 0.8])
    expect(renderHashShare(group, 'login', 2)).toMatch(/^\| ours +\| +0\.50 \|$/m)
  })

  it('is void above 1, and says so', () => {
    const impossible = { ...group, subjects: [logins('bare', [260, 130, 260])] }
    const text = renderHashShare(impossible, 'login', 2)
    expect(text).toMatch(/^\| bare +\| +void \|$/m)
    expect(text).toContain('VOID: a share above 1.')
  })

  it('is left open where no hash was timed', () => {
    const { hashMs: _, ...untimed } = group
    expect(renderHashShare(untimed, 'login', 2)).toMatch(/^\| bare +\| +– \|$/m)
  })
})
