/** W3C Trace Context: reads and writes `traceparent`, and decides which traces are recorded. */
import { randomFillSync } from 'node:crypto'

/** A request's place in a trace. `parentId` is the caller's span; `spanId` is the one of this request. */
export type TraceContext = { traceId: string; parentId: string | undefined; spanId: string; sampled: boolean }

// Trace Context §3.2: later versions may append fields, version ff and all-zero ids are invalid.
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

export type Sampling = {
  /** Share of the traces that are sampled, 0 to 1. */
  ratio: number
  /** Whether the decision of a caller comes before the ratio. */
  isParentBased: boolean
}

/**
 * Returns the context of a request: the caller's trace where `traceparent` is valid, else a new one. Parent-based sampling
 * keeps the caller's decision. Otherwise `ratio` of the traces are sampled by the trace id, so that every service decides
 * in the same way (OpenTelemetry's TraceIdRatioBased).
 */
export function traceContextOf(
  traceparent: string | undefined,
  { ratio, isParentBased }: Sampling,
): TraceContext {
  const random = randomHex()
  const parent = traceparent?.match(TRACEPARENT)
  if (parent && !(parent[1] === '00' && parent[5])) {
    const [, , traceId = '', parentId, flags = ''] = parent
    const sampled = isParentBased ? (Number.parseInt(flags, 16) & 1) === 1 : isSampled(traceId, ratio)
    return { traceId, parentId, spanId: random.slice(32), sampled }
  }
  const traceId = random.slice(0, 32)
  return { traceId, parentId: undefined, spanId: random.slice(32), sampled: isSampled(traceId, ratio) }
}

/** Returns the header of a context: `traceparent` for the next service, or `traceresponse` for the caller. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

function isSampled(traceId: string, ratio: number): boolean {
  // The last 56 bits are random (Trace Context level 2 §2.3); a double holds 13 hex digits exactly.
  return Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52
}

const ID_BYTES = 24
const pool = Buffer.alloc(ID_BYTES * 256)
let used = pool.length

/** Returns 48 random hex digits. They are drawn for 256 requests at a time: 0.2 µs for each, in place of 2. */
function randomHex(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return pool.toString('hex', used - ID_BYTES, used)
}
