/** The form of the section Middleware Stack, which is drawn: its columns are those of the JSON and the HTML. */
import type { SectionForm } from '../form.ts'

export const middlewareForm: SectionForm = {
  id: 'middleware',
  title: 'Middleware Stack',
  columns: ['Stage', 'Answers'],
}
