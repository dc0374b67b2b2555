/** Draws the middleware stack: the stages in a row, and under each what it answers. */
import { NONE } from '../document/sections.ts'

export type DrawnStage = { label: string; answers: string }

const ARROW = ' → '

/** Room for a branch and the space before the next. */
const BRANCH = '└─ 429 '.length

type Branch = { column: number; answers: string[] }

/** The lines of the drawing; the first one holds the stages, the others what they answer. */
export function drawStack(stages: readonly DrawnStage[]): string[] {
  const all = [{ label: 'Request', answers: NONE }, ...stages, { label: 'Response', answers: NONE }]
  let line = ''
  const branches: Branch[] = []
  let free = 0
  for (const [index, { label, answers }] of all.entries()) {
    const list = answers === NONE ? [] : answers.split(', ')
    if (list.length > 0) {
      // Where the last branch is longer than its stage, this one moves to the right, and its stage with it.
      const start = Math.max(line.length, free - label.length + 1)
      line = line.padEnd(start)
      const column = Math.max(start + 1, free)
      branches.push({ column, answers: list })
      free = column + Math.max(BRANCH, ...list.map(answer => `└─ ${answer}  `.length))
    }
    line += index === all.length - 1 ? label : `${label}${ARROW}`
  }
  return [line, ...drawBranches(branches)]
}

function drawBranches(branches: readonly Branch[]): string[] {
  if (branches.length === 0) return []
  const depth = Math.max(...branches.map(({ answers }) => answers.length))
  const rows = Array.from({ length: depth }, (_, row) =>
    place(branches, ({ answers }) => {
      const answer = answers[row]
      if (answer === undefined) return ''
      return `${row === answers.length - 1 ? '└─' : '├─'} ${answer}`
    }),
  )
  return [place(branches, () => '│'), ...rows]
}

function place(branches: readonly Branch[], textOf: (branch: Branch) => string): string {
  return branches
    .reduce((line, branch) => {
      const text = textOf(branch)
      return text === '' ? line : line.padEnd(branch.column) + text
    }, '')
    .trimEnd()
}
