/** The form of the section Stack Detected. */
import type { SectionForm } from '../form.ts'

export const stackForm: SectionForm = {
  id: 'stack',
  title: 'Stack Detected',
  columns: ['Component', 'Technology', 'Version'],
  keyColumns: 2,
}
