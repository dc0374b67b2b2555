/** The form of the section Security Measures, which is a list of boxes. */
import type { SectionForm } from '../form.ts'

export const securityForm: SectionForm = {
  id: 'security',
  title: 'Security Measures',
  columns: ['Measure'],
}
