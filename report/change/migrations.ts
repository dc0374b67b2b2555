/** Migrations that a change edited: databases that have applied them will not get what is new in them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../document/document.ts'
import { fact } from '../document/evidence.ts'
import type { Repository } from '../git.ts'

/** Returns the rows of the migrations, those failed whose file differs from the base. */
export async function failEdited(
  rows: readonly Row[],
  { root, base, readBase }: Pick<Repository, 'root' | 'base' | 'readBase'>,
): Promise<Row[]> {
  return Promise.all(
    rows.map(async row => {
      const source = row.evidence.find(item => item.kind === 'source')
      if (source === undefined || !existsSync(join(root, source.file))) return row
      const before = await readBase?.(source.file)
      if (before === undefined || isSame(before, readFileSync(join(root, source.file), 'utf8'))) return row
      return failed(row, base?.ref ?? 'the base')
    }),
  )
}

/** A checkout with CRLF line ends has the same migrations. */
function isSame(before: string, now: string): boolean {
  return before.replaceAll('\r\n', '\n') === now.replaceAll('\r\n', '\n')
}

function failed(row: Row, ref: string): Row {
  const [migration, ...rest] = row.cells
  const description = rest.map((cell, index) => (index === 0 ? `${cell} (edited since ${ref})` : cell))
  const edited = fact('its file', `edited since ${ref}`, { is: `the same as in ${ref}`, met: false })
  return { ...row, cells: [migration, ...description], state: 'fail', evidence: [edited, ...row.evidence] }
}
