/** The metrics of the notes module. */
import type { Metrics } from '../../observability/metrics.ts'

export type NotesMetrics = ReturnType<typeof createNotesMetrics>

/** Returns the metrics of notes. */
export function createNotesMetrics({ createCounter }: Pick<Metrics, 'createCounter'>) {
  return { created: createCounter({ name: 'notes_created_total', help: 'Created notes' }) }
}
