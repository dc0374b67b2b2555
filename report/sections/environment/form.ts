/** The form of the section Environment Variables Added. */
import type { SectionForm } from '../form.ts'

const NAME = /^[A-Z][A-Z0-9_]*$/i

/** A row for several optional variables, whose description lists their names. */
const FAMILY = /^[A-Z][A-Z0-9]*_\* \([1-9]\d* variables\)$/i

export const environmentForm: SectionForm = {
  id: 'environment',
  title: 'Environment Variables Added',
  columns: ['Variable', 'Description', 'Required'],
  checkCells: ([name = '', , required = '']) => [
    ...(NAME.test(name) || FAMILY.test(name) ? [] : [`"${name}" is not the name of a variable`]),
    ...(['Yes', 'No'].includes(required) ? [] : ['"Required" is Yes or No']),
  ],
}
