/** The table of the memory that a service holds before it has any load. */
import type { Memory } from '../result/schema.ts'
import { formatMebibytes, markdownTable } from './table.ts'

/** Returns the resident sets: of all processes, as a share for each, and of idle connections by the thousand. */
export function renderMemory(memory: readonly Memory[]): string {
  const rows = memory.map(({ subject, processes, startBytes, perConnectionBytes }) => [
    subject,
    String(processes),
    formatMebibytes(startBytes),
    formatMebibytes(startBytes / processes),
    formatMebibytes(perConnectionBytes * 1000),
  ])
  return [
    'Memory before any load, after a full collection of garbage (pages that processes share count for each):',
    '',
    markdownTable(['Subject', 'Processes', 'RSS', 'per process', 'per 1,000 idle connections'], rows),
  ].join('\n')
}
