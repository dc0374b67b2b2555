/** Checks the cells of one row of a table. */
import { NONE, type SectionForm } from '../sections/form.ts'

/** The first cell of a row that stands for a whole section. */
const WHOLE_SECTION = /^no change$|^not (available|measured)(:|$)/

/** Returns what is wrong with the cells of one row. `seen` holds the keys of the rows before it. */
export function checkCells(form: SectionForm, cells: readonly string[], seen: Set<string>): string[] {
  const [first = '', ...rest] = cells
  if (WHOLE_SECTION.test(first)) {
    const problems = rest.every(cell => cell === NONE) ? [] : [`beside "${first}" the cells are "${NONE}"`]
    return /: \S|^no change$/.test(first) ? problems : [`"${first}" says why`]
  }
  const key = cells.slice(0, form.keyColumns ?? 1).join('\n')
  const repeated = seen.has(key) ? ['the row is there twice'] : []
  seen.add(key)
  return [...repeated, ...(form.checkCells?.(cells) ?? [])]
}
