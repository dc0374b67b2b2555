/** The same ids for every request; which of them are sampled is still drawn for each. */
import type { Sampling, TraceContext } from '../../../src/lib/trace-context.ts'

export { formatTraceparent } from '../../../src/lib/trace-context.ts'

const ids = { traceId: '1'.repeat(32), parentId: undefined, spanId: '1'.repeat(16) }

export function traceContextOf(_traceparent: string | undefined, { ratio }: Sampling): TraceContext {
  return { ...ids, sampled: Math.random() < ratio }
}
