/** The form of the section Performance Metrics. */
import { METHODS, type SectionForm } from '../form.ts'

const LATENCY = /^(?:0|[1-9]\d*)(\.\d+)?ms$/
const THROUGHPUT = /^(?:0|[1-9]\d*)(\.\d+)? rps$/
const UNMEASURED = /^\*?not measured\*?$/

export const performanceForm: SectionForm = {
  id: 'performance',
  title: 'Performance Metrics',
  columns: ['Endpoint', 'Avg Latency', 'P95', 'Throughput'],
  checkCells: checkFigures,
}

function checkFigures([endpoint = '', average = '', p95 = '', throughput = '']: readonly string[]): string[] {
  const [method = '', path = ''] = endpoint.split(' ')
  const isEndpoint = METHODS.includes(method) && path.startsWith('/')
  const problems = isEndpoint ? [] : [`"${endpoint}" is not an endpoint`]
  const figures = [average, p95, throughput]
  const unmeasured = figures.filter(cell => UNMEASURED.test(cell)).length
  if (unmeasured === figures.length) return problems
  if (unmeasured > 0) return [...problems, 'a row has all figures or none']
  const latencies = [average, p95].filter(cell => !LATENCY.test(cell))
  return [
    ...problems,
    ...latencies.map(cell => `"${cell}" is not a latency, such as 12ms`),
    ...(THROUGHPUT.test(throughput) ? [] : [`"${throughput}" is not a throughput, such as 2000 rps`]),
    ...checkPlausible(average, p95, throughput),
  ]
}

/**
 * For an average of 1.5 times the P95, the slowest 5 % would have to take about 20 times the P95: the mean of the others
 * is about half of it. Such figures are swapped or invented.
 */
const MIN_P95_BY_AVERAGE = 2 / 3

function checkPlausible(...cells: readonly [average: string, p95: string, throughput: string]): string[] {
  const [average = 0, p95 = 0] = cells.map(cell => Number.parseFloat(cell))
  const zero = cells.find(cell => Number.parseFloat(cell) === 0)
  return [
    ...(zero === undefined ? [] : [`"${zero}" is not a measurement`]),
    ...(p95 > 0 && p95 < average * MIN_P95_BY_AVERAGE
      ? [`the P95 of ${p95}ms is far below the average`]
      : []),
  ]
}
