/** Checks the drawing of a middleware stack: one line of stages, and the branches under them. */

/** `index` counts the lines of the drawing from 0. */
export type DrawingProblem = { index: number; message: string }

const ARROW = '→'
const BRANCHES = /[├└]─ ([^│├└]*[^│├└ ])/g

/** Returns what is wrong with the lines of a drawing. */
export function checkDrawing(lines: readonly string[]): DrawingProblem[] {
  const [chain, stems, ...rows] = lines
  if (chain === undefined) return [{ index: 0, message: 'the drawing is empty' }]
  const problems = checkChain(chain).map(message => ({ index: 0, message }))
  if (problems.length > 0 || stems === undefined) return problems
  const columns = [...stems.matchAll(/│/g)].map(({ index }) => index)
  if (!/^[ │]+$/.test(stems) || columns.length === 0) {
    return [{ index: 1, message: 'the line under the stages has only │' }]
  }
  const spans = spansOf(chain)
  const loose = columns.filter(column => !spans.some(({ start, end }) => column >= start && column < end))
  if (loose.length > 0) problems.push({ index: 1, message: 'a branch is under no stage' })
  if (rows.length === 0) problems.push({ index: 1, message: 'the branches have no statuses' })
  for (const [row, text] of rows.entries()) problems.push(...checkRow(text, row + 2, columns, row === 0))
  return problems
}

function checkChain(chain: string): string[] {
  const stages = chain.split(ARROW).map(stage => stage.trim())
  const isSpaced = chain.split(ARROW).every((part, index, all) => {
    const before = index === 0 || part.startsWith(' ')
    return before && (index === all.length - 1 || part.endsWith(' '))
  })
  return [
    ...(stages[0] === 'Request' && stages.at(-1) === 'Response'
      ? []
      : ['the stack goes from Request to Response']),
    ...(stages.includes('Handler') ? [] : ['the stack has a Handler']),
    ...(stages.every(stage => /^[+-]?[A-Za-z][A-Za-z0-9]*$/.test(stage)) && isSpaced
      ? []
      : [`stages are names, with " ${ARROW} " between them`]),
  ]
}

/** Returns the columns of each stage between Request and Response, without the arrow after it. */
function spansOf(chain: string): { start: number; end: number }[] {
  const stages = [...chain.matchAll(/[^→\s]+/g)].slice(1, -1)
  return stages.map(({ index, 0: text }) => ({ start: index, end: index + text.length }))
}

function checkRow(
  text: string,
  index: number,
  columns: readonly number[],
  isFirst: boolean,
): DrawingProblem[] {
  const branches = [...text.matchAll(BRANCHES)]
  const rest = text.replaceAll(BRANCHES, '').replaceAll(/[│\s]/g, '')
  if (rest !== '' || branches.length === 0) return [{ index, message: 'a branch is "└─ 401" or "├─ 401"' }]
  const problems: DrawingProblem[] = []
  if (isFirst && branches.length !== columns.length) {
    problems.push({
      index,
      message: `${columns.length} branches start at the stages, ${branches.length} have a status`,
    })
  }
  for (const { index: column, 1: text = '' } of branches) {
    // In the sample the last branch is one column beside its stem.
    if (!columns.some(stem => Math.abs(stem - column) <= 1)) {
      problems.push({ index, message: 'a branch is under no │' })
    }
    const isStatus = /^[1-5]\d\d(, [1-5]\d\d)*$/.test(text)
    if (!isStatus && !/^[A-Z][a-z]+$/.test(text)) {
      problems.push({ index, message: `"${text}" is not a status` })
    }
  }
  return problems
}
