/** The form of the section Stack Detected. */
import type { SectionForm } from '../form.ts'

export const stackForm: SectionForm = {
  id: 'stack',
  title: 'Stack Detected',
  columns: ['Component', 'Technology', 'Version'],
  keyColumns: 2,
  // A version is read from what runs. A range in package.json says what may run.
  checkCells: ([, , version = '']) =>
    /^[\^~<>=*]|^latest$/i.test(version) ? [`"${version}" is not a version`] : [],
}
