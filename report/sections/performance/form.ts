/** The form of the section Performance Metrics. */
import { METHODS, type SectionForm } from '../form.ts'

const LATENCY = /^\d+(\.\d+)?ms$/
const THROUGHPUT = /^\d+(\.\d+)? rps$/
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
  ]
}
