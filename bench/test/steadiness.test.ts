/** When a server counts as warm. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderResult } from '../output/table.ts'
import { isSteady, warmUntilSteady } from '../steadiness.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const steady = { window: 1, most: 12 }

/** Windows of a load whose figures are given; the last one is repeated. */
async function warm(rates: number[], most = steady.most) {
  let window = 0
  const load = async () => {
    const rate = rates[Math.min(window++, rates.length - 1)] ?? 0
    return scenarioOf([rate]).rounds
  }
  const [warmup] = await warmUntilSteady(
    load,
    { mode: 'closed', steady: { ...steady, most } },
    AbortSignal.timeout(60_000),
  )
  return warmup
}

describe('a server is warm', () => {
  it('when it has stopped getting faster, and not before', async () => {
    expect(await warm([17_000, 25_000, 31_000, 31_500, 31_200])).toEqual({
      seconds: 5,
      steady: true,
      figures: [17_000, 25_000, 31_000, 31_500, 31_200],
    })
  })

  it('after three windows where nothing changes, or where the machine only takes something away', async () => {
    expect((await warm([1000, 1000, 1000]))?.seconds).toBe(3)
    expect((await warm([1000, 700, 900]))?.seconds).toBe(3)
  })

  it('never while each window is more than 5 % better than all before it', async () => {
    const rates = Array.from({ length: 12 }, (_, i) => 1000 * 1.06 ** i)
    expect(await warm(rates)).toMatchObject({ steady: false, seconds: 12 })
  })

  it('by its latency where the rate is given', () => {
    expect(isSteady([20, 10, 5, 5, 5], true)).toBe(true)
    expect(isSteady([20, 10, 5], true)).toBe(false)
    expect(isSteady([20, 10, 5], false)).toBe(true)
  })

  it('exactly where neither of its last two windows beats the best before it by more than 5 %', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 12 }), figures => {
        const beats = (at: number): boolean => (figures[at] ?? 0) > 1.05 * Math.max(...figures.slice(0, at))
        const last = figures.length - 1
        expect(isSteady(figures, false)).toBe(figures.length >= 3 && !beats(last) && !beats(last - 1))
      }),
    )
  })
})

describe('the result says', () => {
  const scenario = scenarioOf([1000, 1010])

  it('which scenario was recorded before it was warm', () => {
    const cold = { ...scenario, warmup: { seconds: 12, steady: false, figures: [1, 2, 3] } }
    expect(renderResult(resultOf([cold]))).toContain(
      'NOT WARM get-user: still getting faster after 12 s of load.',
    )
  })

  it('how long the warm-up took, and that it is not known to be enough where it was given', () => {
    const warmed = { ...scenario, warmup: { seconds: 4, steady: true, figures: [1, 1, 1, 1] } }
    expect(renderResult(resultOf([warmed]))).toContain('Warm-up: until no longer getting faster, 4 s.')
    expect(renderResult(resultOf([scenario]))).toContain('Warm-up: 1 s, as asked for')
  })
})
