/** Results that were not measured, for the tests of what is done with results. */
import { createHistogram, encodeHistogram, recordMs } from '../../result/histogram.ts'
import type { Measurement, Result, ScenarioResult } from '../../result/schema.ts'

/** A scenario with a round for each rate; latencies are 1 to 100 ms in every round. */
export function scenarioOf(rates: number[], cpuUs?: number): ScenarioResult {
  return { name: 'get-user', rounds: rates.map((rate, i) => measurementOf(rate, i, cpuUs)) }
}

export function resultOf(scenarios: ScenarioResult[]): Result {
  return {
    kind: 'plumbline-bench',
    schemaVersion: 1,
    subject: 'a <service>',
    createdAt: '2026-01-02T03:04:05.000Z',
    quick: false,
    cutShort: false,
    environment: {},
    scenarios,
    fingerprint: {
      machine: { cpu: 'a CPU', cores: 2, memoryBytes: 1e9, kernel: '6.1', node: 'v24.0.0' },
      code: { commit: 'abcdef0123', dirty: false },
    },
    options: { mode: 'closed', connections: 50, rounds: 8, duration: 1, warmup: 1, timeout: 10, seed: 1 },
  }
}

function measurementOf(rate: number, index: number, cpuUs: number | undefined): Measurement {
  const histogram = createHistogram()
  for (let ms = 1; ms <= 100; ms++) recordMs(histogram, ms)
  const endpoint = { name: 'GET /users/:id', requests: 100, statuses: { 200: 100 }, unexpected: 0 }
  return {
    startedAt: 1000 * index,
    seconds: 1,
    rate,
    failures: {},
    generator: { cpu: 0.5, utilisation: 0.5 },
    endpoints: [{ ...endpoint, histogram: encodeHistogram(histogram) }],
    timeline: { bucketMs: 250, counts: [25, 25, 25, 25] },
    ...(cpuUs !== undefined && {
      server: {
        // Not quite the same each round: a spread of 0 would be no noise at all.
        cpuUsPerRequest: cpuUs * (1 + (index % 3) / 1000),
        cpu: 1,
        eventLoopUtilisation: 0.9,
        gcPauseMs: 1,
        gcCount: 1,
        rssBytes: 1e8,
        queriesPerRequest: 1,
      },
    }),
  }
}
