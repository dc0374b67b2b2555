/** The form of the section Database Changes. */
import type { SectionForm } from '../form.ts'

export const databaseForm: SectionForm = {
  id: 'database',
  title: 'Database Changes',
  columns: ['Migration', 'Description'],
  checkCells: ([migration = '']) =>
    /\s/.test(migration) ? [`"${migration}" is not the name of a migration`] : [],
}
