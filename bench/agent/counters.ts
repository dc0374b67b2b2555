/** The counters of a measured process, and the figures that two readings give for the load between them. */
import type { ServerFigures } from '../result/schema.ts'

/** Totals since the process began, and when they were read (ms, the shared clock). */
export type Counters = {
  at: number
  cpuUs: number
  loopActiveMs: number
  loopIdleMs: number
  gcPauseMs: number
  gcCount: number
  rssBytes: number
  totals?: Totals
}

/** What the agent is asked: for its counters at once, or once all garbage is collected. */
export type Question = 'bench:read' | 'bench:collect'

/** Totals from the service's own metrics, where it has them. */
export type Totals = {
  at: number
  requests?: number
  queries?: number
  poolWaitMs?: number
}

/** Returns the counters of a process and its workers together; where it has some, only their event loops do the work. */
export function addCounters(own: Counters, workers: readonly Counters[]): Counters {
  if (workers.length === 0) return own
  const sum = (read: (counters: Counters) => number, of: readonly Counters[]): number =>
    of.reduce((total, counters) => total + read(counters), 0)
  const all = [own, ...workers]
  return {
    at: own.at,
    cpuUs: sum(({ cpuUs }) => cpuUs, all),
    loopActiveMs: sum(({ loopActiveMs }) => loopActiveMs, workers),
    loopIdleMs: sum(({ loopIdleMs }) => loopIdleMs, workers),
    gcPauseMs: sum(({ gcPauseMs }) => gcPauseMs, all),
    gcCount: sum(({ gcCount }) => gcCount, all),
    rssBytes: sum(({ rssBytes }) => rssBytes, all),
  }
}

/**
 * Returns the figures of the time between two readings. A busy process responds late, so the readings do not stand
 * exactly at the window's edges: CPU per request is its CPU per second over its responses per second, `rate`.
 */
export function compareCounters(before: Counters, after: Counters, rate: number): ServerFigures {
  const seconds = (after.at - before.at) / 1000
  const cpu = (after.cpuUs - before.cpuUs) / 1e6 / seconds
  const active = after.loopActiveMs - before.loopActiveMs
  const idle = after.loopIdleMs - before.loopIdleMs
  return {
    cpuUsPerRequest: rate > 0 ? (cpu * 1e6) / rate : 0,
    cpu,
    eventLoopUtilisation: active + idle > 0 ? Math.min(1, active / (active + idle)) : 0,
    gcPauseMs: after.gcPauseMs - before.gcPauseMs,
    gcCount: after.gcCount - before.gcCount,
    rssBytes: after.rssBytes,
    ...compareTotals(before.totals, after.totals, rate),
  }
}

/**
 * Returns what requests took, by the service's own count of them: a busy service responds to the second question late, when
 * the load has ended, and their rate says nothing about that time.
 */
function compareTotals(before: Totals | undefined, after: Totals | undefined, rate: number) {
  if (!before || !after || rate <= 0) return {}
  const { requests: first } = before
  const { requests: last } = after
  const isCounted = first !== undefined && last !== undefined
  // The question before is one of these requests, and no part of the load.
  const requests = isCounted ? last - first - 1 : rate * ((after.at - before.at) / 1000)
  if (requests <= 0) return {}
  const perRequest = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined ? undefined : (to - from) / requests
  const queriesPerRequest = perRequest(before.queries, after.queries)
  const poolWaitMsPerRequest = perRequest(before.poolWaitMs, after.poolWaitMs)
  return {
    ...(queriesPerRequest !== undefined && { queriesPerRequest }),
    ...(poolWaitMsPerRequest !== undefined && { poolWaitMsPerRequest }),
  }
}
