/** The form of the section API Endpoints Implemented. */
import { METHODS, type SectionForm } from '../form.ts'

export const endpointsForm: SectionForm = {
  id: 'endpoints',
  title: 'API Endpoints Implemented',
  columns: ['Method', 'Path', 'Auth', 'Purpose'],
  keyColumns: 2,
  checkCells: ([method = '', path = '']) => [
    ...(METHODS.includes(method) ? [] : [`"${method}" is not a method`]),
    ...(/^[/*]\S*$/.test(path) ? [] : [`"${path}" is not a path`]),
  ],
}
