/** Turns the rounds of a scenario into the figures of a table. */
import { median } from '../stats/summary.ts'
import { type Histogram, mergeHistograms, percentileMs } from './histogram.ts'
import type { Measurement, ScenarioResult } from './schema.ts'

export type Row = {
  label: string
  meanMs: number
  p50Ms: number
  p90Ms: number
  p95Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
  /** Median over the rounds, per second. */
  throughput: number
  requests: number
  errors: number
  server: ServerRow | undefined
  void: string | undefined
}

export type ServerRow = {
  cpuUsPerRequest: number
  eventLoopUtilisation: number
  gcPauseMs: number
  rssBytes: number
  queriesPerRequest: number | undefined
  poolWaitMsPerRequest: number | undefined
}

/** Returns one row per endpoint; of a mix, a row of the whole comes first, and it alone has the server's figures. */
export function tableRows(scenario: ScenarioResult): Row[] {
  const names = scenario.rounds[0]?.endpoints.map(endpoint => endpoint.name) ?? []
  const [only] = names
  if (names.length === 1 && only !== undefined) return [wholeRow(only, scenario.rounds)]
  return [
    wholeRow(scenario.name, scenario.rounds),
    ...names.map((name, index) => endpointRow(`${scenario.name}: ${name}`, index, scenario.rounds)),
  ]
}

/** Returns the latency of all rounds and endpoints together. */
export function wholeHistogram(rounds: readonly Measurement[]): Histogram {
  return mergeHistograms(rounds.flatMap(round => round.endpoints.map(endpoint => endpoint.histogram)))
}

/** Returns whether others took more than this share of the CPU while a round was measured; false where that is not known. */
export function isDisturbed({ othersCpu = 0 }: Measurement, busyLimit = 1): boolean {
  return othersCpu > busyLimit
}

/** Returns how many requests of a round did not bring what was expected. */
export function errorsOf(round: Measurement): number {
  const failures = Object.values(round.failures).reduce((sum, count) => sum + count, 0)
  return failures + round.endpoints.reduce((sum, endpoint) => sum + endpoint.unexpected, 0)
}

function wholeRow(label: string, rounds: readonly Measurement[]): Row {
  return {
    label,
    ...latencies(wholeHistogram(rounds)),
    throughput: median(rounds.map(round => round.rate)),
    errors: rounds.reduce((sum, round) => sum + errorsOf(round), 0),
    server: serverRow(rounds),
    void: rounds.find(round => round.void)?.void,
  }
}

function endpointRow(label: string, index: number, rounds: readonly Measurement[]): Row {
  const of = (round: Measurement) => round.endpoints[index]
  return {
    label,
    ...latencies(mergeHistograms(rounds.flatMap(round => of(round)?.histogram ?? []))),
    throughput: median(rounds.map(round => round.rate * shareOf(round, index))),
    errors: rounds.reduce((sum, round) => sum + (of(round)?.unexpected ?? 0), 0),
    server: undefined,
    void: undefined,
  }
}

function shareOf(round: Measurement, index: number): number {
  const total = round.endpoints.reduce((sum, endpoint) => sum + endpoint.requests, 0)
  return total === 0 ? 0 : (round.endpoints[index]?.requests ?? 0) / total
}

function latencies(histogram: Histogram) {
  return {
    meanMs: histogram.mean / 1000,
    p50Ms: percentileMs(histogram, 50),
    p90Ms: percentileMs(histogram, 90),
    p95Ms: percentileMs(histogram, 95),
    p99Ms: percentileMs(histogram, 99),
    p999Ms: percentileMs(histogram, 99.9),
    maxMs: histogram.maxValue / 1000,
    requests: histogram.totalCount,
  }
}

function serverRow(rounds: readonly Measurement[]): ServerRow | undefined {
  const servers = rounds.flatMap(round => round.server ?? [])
  if (servers.length === 0) return undefined
  const medianOf = (values: (number | undefined)[]): number | undefined => {
    const known = values.filter(value => value !== undefined)
    return known.length === 0 ? undefined : median(known)
  }
  return {
    cpuUsPerRequest: median(servers.map(server => server.cpuUsPerRequest)),
    eventLoopUtilisation: median(servers.map(server => server.eventLoopUtilisation)),
    gcPauseMs: servers.reduce((sum, server) => sum + server.gcPauseMs, 0),
    rssBytes: Math.max(...servers.map(server => server.rssBytes)),
    queriesPerRequest: medianOf(servers.map(server => server.queriesPerRequest)),
    poolWaitMsPerRequest: medianOf(servers.map(server => server.poolWaitMsPerRequest)),
  }
}
