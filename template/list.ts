/** `list`: the modules and the parts of the repository, and which of them can be removed. */
import { readModules } from './modules.ts'
import { PARTS, partsIn } from './parts.ts'
import type { Files } from './staging.ts'

/** Returns the lines of a table. */
export async function list(root: string, files: Files): Promise<string[]> {
  const modules = await readModules(root)
  const rows = modules.map(({ name, isRequired }) => {
    const users = modules.filter(({ needs }) => needs?.includes(name)).map(user => user.name)
    const why = isRequired ? 'no' : users.length > 0 ? 'not yet' : 'yes'
    return [name, 'module', why, users.length > 0 ? `needed by ${users.join(', ')}` : '']
  })
  const parts = partsIn(files).map(name => [name, 'part', 'yes', PARTS[name]?.about ?? ''])
  return toTable([['name', 'kind', 'removable', ''], ...rows, ...parts])
}

function toTable(rows: readonly string[][]): string[] {
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
