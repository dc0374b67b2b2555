/** What may stand in the cells of each table. */
import type { SectionId } from '../document/document.ts'
import { NONE } from '../document/sections.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']
const LATENCY = /^\d+(\.\d+)?ms$/
const THROUGHPUT = /^\d+(\.\d+)? rps$/
const NOT_MEASURED = /^\*?not measured\*?$/

type Check = (cells: readonly string[]) => string[]

const CHECKS: Partial<Record<SectionId, Check>> = {
  endpoints: ([method = '', path = '']) => [
    ...(METHODS.includes(method) ? [] : [`"${method}" is no method`]),
    ...(/^[/*]\S*$/.test(path) ? [] : [`"${path}" is no path`]),
  ],
  database: ([migration = '']) => (/\s/.test(migration) ? [`"${migration}" is no name of a migration`] : []),
  performance: checkFigures,
  files: ([file = '']) =>
    file.startsWith('/') || file.includes('\\') ? [`"${file}" is not a path inside the repository`] : [],
  environment: ([name = '', , required = '']) => [
    ...(/^[A-Z][A-Z0-9_]*$/i.test(name) ? [] : [`"${name}" is no name of a variable`]),
    ...(['Yes', 'No'].includes(required) ? [] : ['"Required" is Yes or No']),
  ],
}

/** What names a row: no two of a section have the same. */
const KEY_COLUMNS: Partial<Record<SectionId, number>> = { stack: 2, endpoints: 2 }

/** What is wrong with the cells of one row; `seen` remembers the rows before it. */
export function checkCells(section: SectionId, cells: readonly string[], seen: Set<string>): string[] {
  const [first = '', ...rest] = cells
  if (/^not available\b/.test(first) || first === 'no change') {
    const problems = rest.every(cell => cell === NONE) ? [] : [`beside "${first}" the cells are "${NONE}"`]
    return /^not available(: \S.*)$|^no change$/.test(first) ? problems : ['"not available" says why']
  }
  const key = cells.slice(0, KEY_COLUMNS[section] ?? 1).join('\n')
  const repeated = seen.has(key) ? ['the row is there twice'] : []
  seen.add(key)
  return [...repeated, ...(CHECKS[section]?.(cells) ?? [])]
}

function checkFigures([endpoint = '', average = '', p95 = '', throughput = '']: readonly string[]): string[] {
  const [method = '', path = ''] = endpoint.split(' ')
  const named = METHODS.includes(method) && path.startsWith('/') ? [] : [`"${endpoint}" is no endpoint`]
  const figures = [average, p95, throughput]
  const unmeasured = figures.filter(cell => NOT_MEASURED.test(cell)).length
  if (unmeasured === figures.length) return named
  if (unmeasured > 0) return [...named, 'a row is measured, or it is not']
  return [
    ...named,
    ...[average, p95]
      .filter(cell => !LATENCY.test(cell))
      .map(cell => `"${cell}" is no latency, such as 12ms`),
    ...(THROUGHPUT.test(throughput) ? [] : [`"${throughput}" is no throughput, such as 2000 rps`]),
  ]
}
