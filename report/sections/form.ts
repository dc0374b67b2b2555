/** The form of a section: its heading, its columns, and what is valid in its cells. */
import type { SectionId } from '../document/document.ts'

export type SectionForm = {
  id: SectionId
  title: string
  columns: readonly string[]
  /** How many cells identify a row, counted from the first. Default: 1. */
  keyColumns?: number
  /** Returns what is wrong with the cells of a row. */
  checkCells?: (cells: readonly string[]) => string[]
}

/** The text of a cell without a value. */
export const NONE = '–'

/** The methods that a route may have. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']
