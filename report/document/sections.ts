/** The eight sections of the format, in their order: headings and columns. Renderers and lint read them here. */
import type { SectionId } from './document.ts'

export type SectionForm = { id: SectionId; title: string; columns: readonly string[] }

export const SECTIONS: readonly SectionForm[] = [
  { id: 'stack', title: 'Stack Detected', columns: ['Component', 'Technology', 'Version'] },
  {
    id: 'endpoints',
    title: 'API Endpoints Implemented',
    columns: ['Method', 'Path', 'Auth', 'Purpose'],
  },
  { id: 'database', title: 'Database Changes', columns: ['Migration', 'Description'] },
  { id: 'middleware', title: 'Middleware Stack', columns: ['Stage', 'Answers'] },
  { id: 'security', title: 'Security Measures', columns: ['Measure'] },
  {
    id: 'performance',
    title: 'Performance Metrics',
    columns: ['Endpoint', 'Avg Latency', 'P95', 'Throughput'],
  },
  { id: 'files', title: 'Files Created / Modified', columns: ['File', 'Purpose'] },
  {
    id: 'environment',
    title: 'Environment Variables Added',
    columns: ['Variable', 'Description', 'Required'],
  },
]

/** The form of a section. */
export function sectionForm(id: SectionId): SectionForm {
  const form = SECTIONS.find(section => section.id === id)
  if (!form) throw new Error(`no section ${id}`)
  return form
}

/** What a cell says that nothing is known for. */
export const NONE = '–'
