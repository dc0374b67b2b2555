/** The fit of the Universal Scalability Law, on published data with published coefficients. */
import { expect, it } from 'vitest'
import { fitUniversalScalability, predict } from '../stats/usl.ts'

const toLoads = (pairs: [number, number][]) =>
  pairs.map(([concurrency, throughput]) => ({ concurrency, throughput }))

it('finds the coefficients of the SPEC SDM91 benchmark', () => {
  // Data: N. J. Gunther, Guerrilla Capacity Planning (Springer, 2007). Coefficients, standard errors and peak as S. Möding's
  // R package usl 3.0 prints them for it: α 2.773e-2 (9.122e-3), β 1.044e-4 (1.988e-5), γ 90.00 (14.21), peak 96.52.
  const fit = fitUniversalScalability(
    toLoads([
      [1, 64.9],
      [18, 995.9],
      [36, 1652.4],
      [72, 1853.2],
      [108, 1828.9],
      [144, 1775.0],
      [216, 1702.2],
    ]),
  )
  expect(fit?.alpha.value).toBeCloseTo(0.02773, 5)
  expect(fit?.alpha.standardError).toBeCloseTo(0.009122, 5)
  expect(fit?.beta.value).toBeCloseTo(0.0001044, 7)
  expect(fit?.beta.standardError).toBeCloseTo(0.00001988, 7)
  expect(fit?.gamma.value).toBeCloseTo(90.0, 1)
  expect(fit?.gamma.standardError).toBeCloseTo(14.21, 1)
  expect(fit?.peak).toBeCloseTo(96.52, 1)
  expect(fit?.residual).toBeCloseTo(82.85, 1)
})

it('finds the coefficients of the ray tracer, with intervals of Student t', () => {
  // Gunther, ch. 5: a ray tracer on an SGI Origin 2000, its first six points. The same package prints α 0.02444, β 0.00163,
  // γ 20.85605 for them. Six points less three coefficients leave 3 degrees of freedom: t = 3.182.
  const fit = fitUniversalScalability(
    toLoads([
      [1, 20],
      [4, 78],
      [8, 130],
      [12, 170],
      [16, 190],
      [20, 200],
    ]),
  )
  expect(fit?.alpha.value).toBeCloseTo(0.02444, 4)
  expect(fit?.beta.value).toBeCloseTo(0.00163, 5)
  expect(fit?.gamma.value).toBeCloseTo(20.856, 3)
  const { value = 0, standardError = 0, high } = fit?.alpha ?? {}
  expect(high).toBeCloseTo(value + 3.182 * standardError, 4)
})

it('recovers the coefficients that made the points', () => {
  const law = (n: number) => n / (1 + 0.02 * (n - 1) + 0.02 * n * (n - 1))
  const fit = fitUniversalScalability([1, 2, 4, 6, 8, 10].map(n => ({ concurrency: n, throughput: law(n) })))
  expect(fit?.alpha.value).toBeCloseTo(0.02, 6)
  expect(fit?.beta.value).toBeCloseTo(0.02, 6)
  expect(fit && predict(fit, 5)).toBeCloseTo(law(5), 6)
})

it('keeps a coefficient at 0 where the best one would be below', () => {
  // Throughput that grows faster than concurrency: neither contention nor coherency can be negative.
  const fit = fitUniversalScalability([1, 2, 4, 8, 16].map(n => ({ concurrency: n, throughput: n ** 1.1 })))
  expect(fit?.alpha.value).toBe(0)
  expect(fit?.beta.value).toBe(0)
  expect(fit?.peak).toBe(Number.POSITIVE_INFINITY)
})

it('fits nothing to three points', () => {
  expect(fitUniversalScalability([1, 2, 3].map(n => ({ concurrency: n, throughput: n })))).toBeUndefined()
})
