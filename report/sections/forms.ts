/** The eight sections of the format, in their order. The renderers and lint read them here. */
import type { SectionId } from '../document/document.ts'
import { databaseForm } from './database/form.ts'
import { endpointsForm } from './endpoints/form.ts'
import { environmentForm } from './environment/form.ts'
import { filesForm } from './files/form.ts'
import type { SectionForm } from './form.ts'
import { middlewareForm } from './middleware/form.ts'
import { performanceForm } from './performance/form.ts'
import { securityForm } from './security/form.ts'
import { stackForm } from './stack/form.ts'

export const FORMS: readonly SectionForm[] = [
  stackForm,
  endpointsForm,
  databaseForm,
  middlewareForm,
  securityForm,
  performanceForm,
  filesForm,
  environmentForm,
]

/** Returns the form of a section. */
export function formOf(id: SectionId): SectionForm {
  const form = FORMS.find(section => section.id === id)
  if (!form) throw new Error(`there is no section ${id}`)
  return form
}
