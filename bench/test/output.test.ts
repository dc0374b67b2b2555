/** The forms in which results leave the bench. */
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { compareScenarios } from '../compare.ts'
import { renderComparison } from '../output/comparison.ts'
import { bencher, githubActionBenchmark } from '../output/formats.ts'
import { renderPage } from '../output/page.ts'
import { formatMs, renderResult } from '../output/table.ts'
import { createHistogram, encodeHistogram, mergeHistograms, recordMs } from '../result/histogram.ts'
import { publishedSchema } from '../result/published-schema.ts'
import { resultOf, scenarioOf } from './helpers/results.ts'

const result = resultOf([scenarioOf([1000, 1010, 990], 120)])

it('prints the table of the report with exactly its columns', () => {
  const text = renderResult(result)
  expect(text).toMatch(/^\| Endpoint +\| Avg Latency \| +P95 \| Throughput \|$/m)
  expect(text).toMatch(/^\| GET \/users\/:id \| +50\.5ms \| 95ms \| +1000 rps \|$/m)
})

it('says under the table what must be known of it', () => {
  const marked = renderResult({
    ...result,
    quick: true,
    cutShort: true,
    environment: { RATE_LIMIT_MAX: '9' },
  })
  for (const mark of ['QUICK', 'CUT SHORT', 'RATE_LIMIT_MAX=9']) expect(marked).toContain(mark)
})

it('says nothing of a warm-up that was cut short, nor of latencies where there was no response', () => {
  const steady = { window: 1, most: 12 }
  const options = { ...result.options, steady, warmup: 0 }
  expect(renderResult({ ...resultOf([]), options, cutShort: true })).not.toContain('Warm-up')
  expect(renderResult({ ...result, options: { ...result.options, warmup: 0 } })).toContain(
    'Warm-up: 0 s, as asked',
  )
  const [silent] = scenarioOf([0]).rounds
  if (!silent) throw new Error('there is no round')
  const histogram = encodeHistogram(createHistogram())
  const endpoints = silent.endpoints.map(endpoint => ({ ...endpoint, requests: 0, statuses: {}, histogram }))
  const empty = resultOf([{ name: 'get-user', rounds: [{ ...silent, endpoints, void: 'no response came' }] }])
  expect(renderResult(empty)).not.toMatch(/ 0ms /)
  expect(renderPage(empty)).not.toContain('<td>0ms')
})

it('keeps the tables of a comparison within 100 columns, with any noise and any name of the scenario', () => {
  const name = 'a-scenario-with-a-name-of-forty-characters'
  const [base, head] = [
    [100_000, 200_000, 50_000, 400_000],
    [300_000, 20_000, 90_000, 700_000],
  ].map(rates => [{ ...scenarioOf(rates, 12_345), name }])
  const terms = { mode: 'closed' as const, isPaired: false, maxRegression: 0.05 }
  const comparisons = compareScenarios(base ?? [], head ?? [], terms)
  const text = renderComparison(comparisons, { base: 'before', head: 'after' }, 0.05)
  expect(text).toMatch(/^a-scenario-with-a-name-of-forty-characters:$/m)
  expect(text).toMatch(/^\| throughput +\| .*%/m)
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

it('writes three digits for any size', () => {
  expect([0.59234, 12.345, 1234.5, 12].map(formatMs)).toEqual(['0.592ms', '12.3ms', '1235ms', '12ms'])
})

it('exports what github-action-benchmark reads: entries of which smaller is better', () => {
  const entries = githubActionBenchmark(result)
  expect(entries.map(({ name }) => name)).toContain('GET /users/:id p95')
  for (const { name, unit, value } of entries) {
    expect([typeof name, typeof unit, typeof value]).toEqual(['string', 'string', 'number'])
  }
})

it('exports the Bencher Metric Format, latency in nanoseconds', () => {
  expect(bencher(result)['GET /users/:id']).toMatchObject({ throughput: { value: 1000 } })
  const { value, lower_value, upper_value } = bencher(result)['GET /users/:id']?.latency ?? { value: 0 }
  expect([lower_value, value, upper_value].map(ns => Math.round((ns ?? 0) / 1e6))).toEqual([50, 51, 95])
})

it('publishes the schema that the code has', async () => {
  const file = await readFile(new URL('../result.schema.json', import.meta.url), 'utf8')
  // To mend: node bench/result/write-schema.ts
  expect(JSON.parse(file)).toEqual(publishedSchema())
})

it('adds histograms that were written and read again, and loses nothing', () => {
  const [first, second] = [createHistogram(), createHistogram()]
  for (let ms = 1; ms <= 50; ms++) recordMs(first, ms)
  for (let ms = 51; ms <= 100; ms++) recordMs(second, ms)
  const merged = mergeHistograms([encodeHistogram(first), encodeHistogram(second)])
  expect(merged.totalCount).toBe(100)
  // HdrHistogram keeps three digits: 50 ms is read back as at most 0.1 % more.
  expect(merged.getValueAtPercentile(50) / 50_000).toBeCloseTo(1, 2)
})

it('draws a page that needs nothing from elsewhere, runs nothing and quotes what it is given', () => {
  const level = (n: number) => ({ level: n, measurement: scenarioOf([n * 100]).rounds[0] })
  const steps = [1, 2, 4, 8]
    .map(level)
    .flatMap(({ measurement, ...step }) => (measurement ? [{ ...step, measurement }] : []))
  const sweeps = (['rate', 'connections'] as const).map(by => ({ by, scenario: 'get-user', steps }))
  const page = renderPage({ ...result, sweeps, base: result.scenarios, baseSubject: 'main' })
  expect(page.match(/<svg/g)).toHaveLength(6)
  expect(page).toContain('a &lt;service&gt;')
  expect(page).not.toMatch(/<script|<link|<img|url\((?!#)|@import|https?:(?!\/\/www\.w3\.org)/)
})
