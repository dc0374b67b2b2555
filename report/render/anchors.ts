/** The anchors of rows: stable names for links, made of letters, digits and hyphens only. */
import type { Report, Section } from '../document/document.ts'

type Row = Section['rows'][number]

const MAX_LENGTH = 60

/** Returns the anchor of every row. Rows with the same words get a number. */
export function createAnchors({ sections }: Report): ReadonlyMap<Row, string> {
  const anchors = new Map<Row, string>()
  const used = new Set<string>()
  for (const { id, rows } of sections) {
    for (const row of rows) {
      const words = row.id
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .slice(0, MAX_LENGTH)
      const base = `${id}-${words.replaceAll(/^-+|-+$/g, '') || 'row'}`
      let anchor = base
      for (let number = 2; used.has(anchor); number++) anchor = `${base}-${number}`
      used.add(anchor)
      anchors.set(row, anchor)
    }
  }
  return anchors
}
