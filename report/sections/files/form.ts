/** The form of the section Files Created / Modified. */
import type { SectionForm } from '../form.ts'

export const filesForm: SectionForm = {
  id: 'files',
  title: 'Files Created / Modified',
  columns: ['File', 'Purpose'],
  checkCells: ([file = '']) =>
    file.startsWith('/') || file.includes('\\') ? [`"${file}" is not a path inside the repository`] : [],
}
