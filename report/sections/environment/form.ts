/** The form of the section Environment Variables Added. */
import type { SectionForm } from '../form.ts'

export const environmentForm: SectionForm = {
  id: 'environment',
  title: 'Environment Variables Added',
  columns: ['Variable', 'Description', 'Required'],
  checkCells: ([name = '', , required = '']) => [
    ...(/^[A-Z][A-Z0-9_]*$/i.test(name) ? [] : [`"${name}" is not the name of a variable`]),
    ...(['Yes', 'No'].includes(required) ? [] : ['"Required" is Yes or No']),
  ],
}
