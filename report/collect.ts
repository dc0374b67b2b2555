/** Collects the rows of a running subject section by section, and makes the document of them. */

import { describeMachine } from '../harness/machine.ts'
import type { Collector, Context } from './context.ts'
import {
  type Report,
  type Rows,
  SCHEMA_VERSION,
  SECTION_IDS,
  type Section,
  type SectionId,
} from './document/document.ts'
import { redact } from './document/redact.ts'
import type { Supplement } from './document/supplement.ts'
import { messageOf } from './errors.ts'
import { database } from './sections/database/collector.ts'
import { endpoints } from './sections/endpoints/collector.ts'
import { environment } from './sections/environment/collector.ts'
import { files } from './sections/files/collector.ts'
import { formOf } from './sections/forms.ts'
import { middleware } from './sections/middleware/collector.ts'
import { notAvailable } from './sections/rows.ts'
import { security } from './sections/security/collector.ts'
import { stack } from './sections/stack/collector.ts'

/** All sections except the measurements. The steps run in turn, the collectors of one step at once. */
const STEPS: readonly (readonly Collector[])[] = [
  [endpoints, database, files],
  // It blocks the event loop of the service, and others would mistake that for a refusal.
  [middleware],
  // It measures response times, so the service must have nothing else to do.
  [security],
  // By now the app has loaded all packages and read all variables that it uses.
  [stack, environment],
]

/** The sections that a running service fills without the bench and without the history of its files. */
export const LIVE: readonly SectionId[] = [
  'stack',
  'endpoints',
  'database',
  'middleware',
  'security',
  'environment',
]

/** Returns the rows of the wanted sections. Where a collector throws, its section is not available and says why. */
export async function collectRows(
  context: Context,
  wanted: readonly SectionId[],
  onDone: (section: SectionId) => void = () => {},
): Promise<Rows> {
  const rows: Rows = {}
  const run = async ({ section, collect }: Collector) => {
    rows[section] = await collect(context).catch(error => [
      notAvailable(section, `the collector failed: ${messageOf(error)}`),
    ])
    onDone(section)
  }
  for (const step of STEPS) await Promise.all(step.filter(({ section }) => wanted.includes(section)).map(run))
  return rows
}

type Head = Pick<Report, 'feature' | 'date' | 'module' | 'range'> & Supplement

/** Returns the document of the wanted sections, in the order of the format and without secrets. */
export function toDocument(
  head: Head,
  rows: Rows,
  wanted: readonly SectionId[],
  secrets: readonly string[],
): Report {
  const sections = SECTION_IDS.filter(id => wanted.includes(id)).map((id): Section => {
    const { title, columns } = formOf(id)
    const own = rows[id] ?? [notAvailable(id, 'nothing was collected')]
    return {
      id,
      title,
      columns: [...columns],
      rows: own.map(row => ({ ...row, cells: [...row.cells], evidence: [...row.evidence] })),
    }
  })
  const document: Report = {
    kind: 'backend-implementation-report',
    schemaVersion: SCHEMA_VERSION,
    ...head,
    machine: describeMachine(),
    sections,
  }
  return redact(document, secrets)
}
