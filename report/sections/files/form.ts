/** The form of the section Files Created / Modified. */
import type { SectionForm } from '../form.ts'

export const filesForm: SectionForm = {
  id: 'files',
  title: 'Files Created / Modified',
  columns: ['File', 'Purpose'],
  checkCells: ([file = '']) =>
    isInside(file.replace(FOLDER, '$1')) ? [] : [`"${file}" is not a path inside the repository`],
}

/** A folder with the number of its files. */
const FOLDER = /^(.*\/) \((?:1 file|[1-9]\d* files)\)$/

function isInside(path: string): boolean {
  const isRelative = !/^[/~]|^[A-Za-z]:|\\|:\/\//.test(path)
  const isCounted = !/ \(\d+ files?\)$/.test(path)
  return isRelative && isCounted && !path.split('/').includes('..')
}
