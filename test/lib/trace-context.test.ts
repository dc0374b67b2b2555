/** W3C Trace Context: the caller's header, and how often a trace is sampled without one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatTraceparent, traceContextOf } from '../../src/lib/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

describe('traceContextOf', () => {
  it.for([
    [`00-${TRACE}-${PARENT}-01`, true],
    [`00-${TRACE}-${PARENT}-00`, false],
    [`00-${TRACE}-${PARENT}-03`, true],
    [`cc-${TRACE}-${PARENT}-01-of-the-future`, true],
  ] as const)('takes over %s', ([header, sampled]) => {
    for (const ratio of [0, 0.5, 1]) {
      const context = traceContextOf(header, { ratio, isParentBased: true })
      expect(context).toMatchObject({ traceId: TRACE, parentId: PARENT, sampled })
      expect(context.spanId).not.toBe(PARENT)
    }
  })

  it('keeps the trace of the caller, and not its decision, where sampling is not parent-based', () => {
    for (const flags of ['00', '01']) {
      for (const ratio of [0, 1]) {
        const context = traceContextOf(`00-${TRACE}-${PARENT}-${flags}`, { ratio, isParentBased: false })
        expect(context).toMatchObject({ traceId: TRACE, parentId: PARENT, sampled: ratio === 1 })
      }
    }
  })

  it.for([
    '',
    'nonsense',
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    ` 00-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-0g`,
  ])('begins a trace of its own for %j', header => {
    const context = traceContextOf(header, { ratio: 0, isParentBased: true })
    expect(context).toMatchObject({ parentId: undefined, sampled: false })
    expect(context.traceId).not.toBe(TRACE)
  })

  it('creates valid and unique ids for any header', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (header, ratio) => {
        const { traceId, spanId, sampled } = traceContextOf(header, { ratio, isParentBased: true })
        expect(formatTraceparent({ traceId, spanId, sampled, parentId: undefined })).toMatch(
          /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/,
        )
        expect(seen.has(traceId)).toBe(false)
        seen.add(traceId)
      }),
      { numRuns: 2000 },
    )
  })

  it.for([0, 0.1, 0.5, 1])('samples %d of the traces', ratio => {
    const count = 20_000
    const sampled = Array.from(
      { length: count },
      () => traceContextOf(undefined, { ratio, isParentBased: true }).sampled,
    )
    const share = sampled.filter(Boolean).length / count
    // Six standard deviations, at the ratio where they are widest.
    expect(Math.abs(share - ratio)).toBeLessThan(
      ratio % 1 === 0 ? Number.EPSILON : 6 * Math.sqrt(0.25 / count),
    )
  })
})
