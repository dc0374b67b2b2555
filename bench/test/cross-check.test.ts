/** The closed loop compared with other load generators: wrk on all kinds of servers, autocannon on one that keeps connections. */
import { describe, expect, it } from 'vitest'
import { type Generator, startGenerator } from '../load/generator-client.ts'
import { wholeHistogram } from '../result/figures.ts'
import { percentileMs } from '../result/histogram.ts'
import type { Measurement } from '../result/schema.ts'
import { summarizeDifferences } from '../stats/difference.ts'
import { sumOf } from '../stats/summary.ts'
import { startAutocannon } from './helpers/autocannon-process.ts'
import { closedJob } from './helpers/jobs.ts'
import { type RudeProcess, startRudeProcess } from './helpers/rude-process.ts'
import type { Rudeness } from './helpers/rude-server.ts'
import { prefer } from './helpers/target.ts'
import { runWrk } from './helpers/wrk.ts'

const CONNECTIONS = 10

/**
 * The server decides the percentiles: most of its responses take 25 ms, and one in 33 takes 125, which is the p99. What a
 * machine that is busy elsewhere adds is little beside that.
 */
const TIMES = { delay: 25, slowEvery: 33, slow: 125 }

/**
 * Rounds of 1 s take turns until each interval lies within the bounds, in at least so many pairs and at most so many. After
 * these, on a machine too busy for narrow intervals, the estimates must lie there.
 */
const FEWEST_PAIRS = 4
const MOST_PAIRS = 20
const LONGEST_MS = 180_000

type Figures = {
  rate: number
  p50Ms: number
  p99Ms: number
}

/** By how much the other one's figure may differ, as a share. */
const BOUNDS: Figures = { rate: 0.1, p50Ms: 0.15, p99Ms: 0.15 }
const names = ['rate', 'p50Ms', 'p99Ms'] as const

type Agreement = { figure: string; ratio: string; agrees: boolean | undefined }

const agreed = names.map(figure => ({ figure, ratio: expect.any(String), agrees: true }))

/** Returns for each figure the ratio of ours to theirs, and whether it is within the bound; undefined: cannot tell yet. */
function compare(pairs: readonly { ours: Figures; theirs: Figures }[]): Agreement[] {
  const isLast = pairs.length >= MOST_PAIRS
  return names.map(figure => {
    const difference = summarizeDifferences(
      pairs.map(({ ours, theirs }) => Math.log(ours[figure] / theirs[figure])),
    )
    if (!difference) return { figure, ratio: 'too few rounds', agrees: undefined }
    const bound = Math.log(1 + BOUNDS[figure])
    const { low, high } = difference.interval
    const isInside = low > -bound && high < bound
    const isOutside = low > bound || high < -bound
    const verdict = isLast ? Math.abs(difference.estimate) < bound : undefined
    const [estimate, from, to] = [difference.estimate, low, high].map(value => Math.exp(value).toFixed(3))
    return {
      figure,
      ratio: `${estimate} (${from} to ${to})`,
      agrees: isInside || (isOutside ? false : verdict),
    }
  })
}

/** Measures in turns, the one that begins changing each time (A B B A), until the figures are decided. */
async function compareInTurns(
  ours: () => Promise<Figures>,
  theirs: () => Promise<Figures>,
): Promise<Agreement[]> {
  const pairs: { ours: Figures; theirs: Figures }[] = []
  let agreements: Agreement[] = []
  do {
    const isOursFirst = pairs.length % 2 === 0
    const first = await (isOursFirst ? ours() : theirs())
    const second = await (isOursFirst ? theirs() : ours())
    pairs.push(isOursFirst ? { ours: first, theirs: second } : { ours: second, theirs: first })
    agreements = compare(pairs)
  } while (
    pairs.length < FEWEST_PAIRS ||
    (pairs.length < MOST_PAIRS && agreements.some(({ agrees }) => agrees === undefined))
  )
  return agreements
}

/**
 * wrk adds what its connections would have measured while they waited for a response longer than two of its mean intervals
 * (stats_correct in its source): so are ours here, and nowhere else.
 */
function correctedAsWrk(measurement: Measurement): Figures {
  const intervalUs = (CONNECTIONS / measurement.rate) * 1e6
  const histogram = wholeHistogram([measurement]).copyCorrectedForCoordinatedOmission(intervalUs)
  return { rate: measurement.rate, p50Ms: percentileMs(histogram, 50), p99Ms: percentileMs(histogram, 99) }
}

type Both = {
  server: RudeProcess
  generator: Generator
  /** Measures the server by the closed loop. */
  measure: () => Promise<Measurement>
}

async function withBoth(rudeness: Rudeness, work: (both: Both) => Promise<void>): Promise<void> {
  const [server, generator] = await Promise.all([
    startRudeProcess({ ...TIMES, ...rudeness }),
    startGenerator(),
  ])
  prefer(server.pid, generator.pid)
  const job = closedJob(server.origin, { connections: CONNECTIONS, warmup: 0.2, duration: 1 })
  try {
    await work({ server, generator, measure: () => generator.run(job) })
  } finally {
    await Promise.all([server.stop(), generator.stop()])
  }
}

/** Responses that a rude server has cut, and connections that it has ended without a word. */
async function losses({ server }: Both, { ending }: Rudeness): Promise<number> {
  const { cut, closed } = await server.counts()
  return ending === undefined ? cut : cut + closed
}

describe.concurrent('wrk', { timeout: LONGEST_MS }, () => {
  const cases: Rudeness[] = [
    { closeEvery: 1 },
    { closeEvery: 10 },
    { closeEvery: 10, ending: 'FIN' },
    { cutEvery: 30, cut: 'half a body', cutEnding: 'RST' },
  ]

  it.for(cases)('measures and loses the same on a server with %o', (rudeness, { expect }) =>
    withBoth(rudeness, async both => {
      /** Those that were to be seen when the load ended may not have been. */
      const expectLost = (lost: number, caused: number): void => {
        expect(lost).toBeLessThanOrEqual(caused)
        expect(lost).toBeGreaterThanOrEqual(caused - CONNECTIONS)
      }
      const ours = async (): Promise<Figures> => {
        const before = await losses(both, rudeness)
        const measurement = await both.measure()
        expectLost(sumOf(Object.values(measurement.failures)), (await losses(both, rudeness)) - before)
        expect(measurement.void).toBeUndefined()
        return correctedAsWrk(measurement)
      }
      const wrks = async (): Promise<Figures> => {
        const before = await losses(both, rudeness)
        const report = await runWrk(both.server.origin, CONNECTIONS, 1)
        expectLost(report.lost, (await losses(both, rudeness)) - before)
        return { rate: report.requests / report.seconds, p50Ms: report.p50Ms, p99Ms: report.p99Ms }
      }
      expect(await compareInTurns(ours, wrks)).toEqual(agreed)
    }),
  )
})

describe.concurrent('autocannon', { timeout: LONGEST_MS }, () => {
  it('measures the same on a server that keeps its connections', ({ expect }) =>
    withBoth({}, async ({ server, measure }) => {
      const theirs = await startAutocannon(server.origin, CONNECTIONS)
      prefer(theirs.pid)
      const ours = async (): Promise<Figures> => {
        const measurement = await measure()
        expect(measurement.failures).toEqual({})
        const histogram = wholeHistogram([measurement])
        return {
          rate: measurement.rate,
          p50Ms: percentileMs(histogram, 50),
          p99Ms: percentileMs(histogram, 99),
        }
      }
      try {
        expect(await compareInTurns(ours, theirs.measure)).toEqual(agreed)
      } finally {
        await theirs.stop()
      }
    }))
})
