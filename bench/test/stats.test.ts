/** The statistics of the bench, on data whose results are known from formulas and textbooks. */
import { describe, expect, it } from 'vitest'
import { bootstrapDistribution, bootstrapIntervals } from '../stats/bootstrap.ts'
import { createRandom } from '../stats/random.ts'
import { compareValues } from '../stats/ratio.ts'
import { normalCdf, studentCdf, studentQuantile } from '../stats/student.ts'
import { mean, quantile, standardDeviation, trimmedMean } from '../stats/summary.ts'

// Efron & Tibshirani, An Introduction to the Bootstrap (1993), table 2.1: survival of mice, in days.
const treated = [94, 197, 16, 38, 99, 141, 23]
const untreated = [52, 104, 146, 10, 51, 30, 40, 27, 46]

describe('distributions', () => {
  it('gives the quantiles of Student t that tables print', () => {
    // NIST/SEMATECH e-Handbook of Statistical Methods, § 1.3.6.7.2.
    const table = [
      [0.975, 1, 12.706],
      [0.975, 2, 4.303],
      [0.975, 5, 2.571],
      [0.975, 10, 2.228],
      [0.995, 7, 3.499],
      [0.95, 30, 1.697],
    ] as const
    for (const [p, freedom, t] of table) expect(studentQuantile(p, freedom)).toBeCloseTo(t, 3)
    expect(studentCdf(0, 4)).toBeCloseTo(0.5, 12)
  })

  it('gives the areas of the normal curve that tables print', () => {
    expect(normalCdf(1.959964)).toBeCloseTo(0.975, 7)
    expect(normalCdf(-3)).toBeCloseTo(0.0013498980316, 12)
    expect(normalCdf(-5)).toBeCloseTo(2.8665157e-7, 13)
  })
})

describe('summaries', () => {
  it('interpolates quantiles as R and NumPy do by default', () => {
    // Hyndman & Fan, "Sample Quantiles in Statistical Packages" (1996), type 7: h = (n − 1)p.
    expect(quantile([15, 20, 35, 40, 50], 0.4)).toBeCloseTo(29, 12)
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([7], 0.99)).toBe(7)
  })

  it('is not moved by a fifth of wild values', () => {
    expect(trimmedMean([1, 2, 3, 4, 1e9])).toBe(3)
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.138, 3)
  })
})

describe('bootstrap', () => {
  it('finds the standard error of the mean that the formula gives', () => {
    // Efron & Tibshirani, ch. 2: with ever more samples it tends to sqrt(Σ(x − x̄)²) / n, 23.36 for the treated mice.
    const distribution = [...bootstrapDistribution([treated], ([sample = []]) => mean(sample), 7, 20_000)]
    expect(standardDeviation(distribution)).toBeCloseTo(23.36, 0)
    expect(mean(distribution)).toBeCloseTo(86.86, 0)
  })

  it('finds no difference between the treated and the untreated mice, as the book does', () => {
    const difference = ([a = [], b = []]: number[][]): number => mean(a) - mean(b)
    expect(difference([treated, untreated])).toBeCloseTo(30.63, 2)
    const [interval] = bootstrapIntervals([treated, untreated], difference, [0.95])
    expect(interval?.low).toBeLessThan(0)
    expect(interval?.high).toBeGreaterThan(60)
  })

  it('draws the same intervals from the same seed', () => {
    const interval = () => bootstrapIntervals([treated], ([sample = []]) => mean(sample), [0.95], 3)
    expect(interval()).toEqual(interval())
  })

  it('knows nothing from a single value', () => {
    expect(bootstrapIntervals([[1]], ([sample = []]) => mean(sample), [0.95])[0]?.low).toBeNaN()
  })
})

describe('ratios', () => {
  type Rounds = { base: number[]; head: number[]; forks: number[] }

  /**
   * Four pairs of processes, each as fast as it happens to be, in twelve rounds of a machine with drift, 2 % noise and, one
   * round in twenty, a disturbance of 10 %.
   */
  function rounds(random: () => number, factor: number): Rounds {
    const gauss = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const all: Rounds = { base: [], head: [], forks: [] }
    for (let fork = 0; fork < 4; fork++) {
      const [base, head] = [1, factor].map(speed => speed * 100 * Math.exp(0.0085 * gauss()))
      const round = (speed = Number.NaN): number =>
        speed * (1 + 0.005 * all.base.length) * Math.exp(0.02 * gauss()) * (random() < 0.05 ? 1.1 : 1)
      for (let i = 0; i < 12; i++) {
        const [one, other] = [round(base), round(head)]
        all.base.push(one)
        all.head.push(other)
        all.forks.push(fork)
      }
    }
    return all
  }

  function compareRounds({ base, head, forks }: Rounds) {
    return compareValues(base, head, forks)
  }

  function callsOf(factor: number): number {
    const random = createRandom(11)
    return Array.from({ length: 60 }).filter(() => compareRounds(rounds(random, factor))?.differs).length
  }

  it('calls a difference where there is none in at most 1 run of 60', () => {
    expect(callsOf(1)).toBeLessThanOrEqual(1)
  })

  it('finds 5 % in nine of ten runs, through drift and disturbances', () => {
    expect(callsOf(1.05)).toBeGreaterThanOrEqual(54)
  })

  it('covers the true ratio in at least 55 of 60 runs', () => {
    const random = createRandom(5)
    const covered = Array.from({ length: 60 }).filter(() => {
      const ratio = compareRounds(rounds(random, 1.05))
      return ratio && ratio.interval.low <= 1.05 && ratio.interval.high >= 1.05
    })
    expect(covered.length).toBeGreaterThanOrEqual(55)
  })

  it('knows that no two processes are the same, however steady their rounds', () => {
    const steady = Array.from({ length: 32 }, () => 1)
    const ratioOf = (head: number, forks: number[]) =>
      compareValues(
        steady,
        steady.map(value => value * head),
        forks,
      )
    const [one, four] = [steady.map(() => 0), steady.map((_, i) => Math.floor(i / 8))]
    // 0.85 % each: two of them are 1.2 % apart, t(0.975, 8) = 2.306 times which is 2.8 %.
    expect(ratioOf(1, one)?.interval.high).toBeCloseTo(Math.exp(2.306 * 0.0085 * Math.SQRT2), 4)
    expect([1.04, 1.05].map(head => ratioOf(head, one)?.differs)).toEqual([false, true])
    // Of four that agree, it is half of that, and less for their agreement: 8 / 11 of the variance; t(0.975, 11) = 2.201.
    const halved = (2.201 * 0.0085 * Math.SQRT2 * Math.sqrt(8 / 11)) / 2
    expect(ratioOf(1, four)?.interval.high).toBeCloseTo(Math.exp(halved), 4)
    expect([1.01, 1.02].map(head => ratioOf(head, four)?.differs)).toEqual([false, true])
  })

  it('is as wide as its processes are apart', () => {
    // Four pairs of processes that are −4, 0, 4 and 8 % apart, steadily.
    const forks = Array.from({ length: 40 }, (_, i) => Math.floor(i / 10))
    const head = forks.map(fork => Math.exp(0.04 * (fork - 1)))
    const ratio = compareValues(
      head.map(() => 1),
      head,
      forks,
    )
    // Smyth (2004): (8 · 2 · 0.0085² + Σ(x − x̄)²) / 11, where the sum is 0.04² · 5.
    const variance = (8 * 2 * 0.0085 ** 2 + 0.04 ** 2 * 5) / 11
    expect(ratio?.estimate).toBeCloseTo(Math.exp(0.02), 3)
    expect(Math.log(ratio?.interval.high ?? 0) - 0.02).toBeGreaterThan(2.201 * Math.sqrt(variance / 4))
    expect(ratio?.differs).toBe(false)
  })

  it('says nothing where there are too few rounds', () => {
    expect(compareValues([1, 2], [1, 2], [0, 0])).toBeUndefined()
    expect(compareValues([1, 2], [1, 2])).toBeUndefined()
  })
})
