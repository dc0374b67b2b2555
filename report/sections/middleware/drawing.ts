/** Draws the middleware stack: the stages in a line, and under each the statuses that it sends. */
import type { Section } from '../../document/document.ts'
import { NONE } from '../form.ts'

export type DrawnStage = { label: string; responses: string }

const ARROW = ' → '

/** The width of a branch, with the space before the next. */
const BRANCH_WIDTH = '└─ 429 '.length

type Branch = { column: number; responses: string[] }

/** Returns the drawing as a block of Markdown. */
export function renderDrawing(section: Section): string {
  return ['```', ...drawStack(stagesOf(section)), '```'].join('\n')
}

function stagesOf({ rows }: Section): DrawnStage[] {
  return rows.map(({ cells: [label = '', responses = ''] }) => ({ label, responses }))
}

/** Returns the lines of the drawing: first the stages, then the branches with their statuses. */
export function drawStack(stages: readonly DrawnStage[]): string[] {
  const all = [{ label: 'Request', responses: NONE }, ...stages, { label: 'Response', responses: NONE }]
  let line = ''
  const branches: Branch[] = []
  let free = 0
  for (const [index, { label, responses }] of all.entries()) {
    const list = responses === NONE ? [] : responses.split(', ')
    if (list.length > 0) {
      // Where the last branch is wider than its stage, this stage and its branch move to the right.
      const start = Math.max(line.length, free - label.length + 1)
      line = line.padEnd(start)
      const column = Math.max(start + 1, free)
      branches.push({ column, responses: list })
      free = column + Math.max(BRANCH_WIDTH, ...list.map(text => `└─ ${text}  `.length))
    }
    line += index === all.length - 1 ? label : `${label}${ARROW}`
  }
  return [line, ...drawBranches(branches)]
}

function drawBranches(branches: readonly Branch[]): string[] {
  if (branches.length === 0) return []
  const depth = Math.max(...branches.map(({ responses }) => responses.length))
  const rows = Array.from({ length: depth }, (_, row) =>
    place(branches, ({ responses }) => {
      const text = responses[row]
      if (text === undefined) return ''
      return `${row === responses.length - 1 ? '└─' : '├─'} ${text}`
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
