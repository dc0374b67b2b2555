/** Puts a document together: what a running subject shows, section by section. */
import { describeMachine } from '../bench/result/fingerprint.ts'
import type { Collector, Context } from './collectors/context.ts'
import { database } from './collectors/database.ts'
import { endpoints } from './collectors/endpoints.ts'
import { environment } from './collectors/environment.ts'
import { files } from './collectors/files.ts'
import { middleware } from './collectors/middleware.ts'
import { security } from './collectors/security.ts'
import { stack } from './collectors/stack.ts'
import {
  type Report,
  type Row,
  SCHEMA_VERSION,
  SECTION_IDS,
  type Section,
  type SectionId,
} from './document/document.ts'
import { redact } from './document/redact.ts'
import { notAvailable } from './document/rows.ts'
import { sectionForm } from './document/sections.ts'
import { messageOf } from './errors.ts'

/** Everything but the measurements. Each step waits for the one before: those of one step run at once. */
const STEPS: readonly (readonly Collector[])[] = [
  [endpoints, database, files],
  // It stalls the service, which others would take for a refusal.
  [middleware],
  // It times the service, which then should have nothing else to do.
  [security],
  // By now the app has loaded and read what it loads and reads.
  [stack, environment],
]

export type Rows = Partial<Record<SectionId, Row[]>>

/** The rows of the wanted sections. A collector that breaks makes its section not available, and says why. */
export async function collectRows(
  context: Context,
  wanted: readonly SectionId[],
  onDone: (section: SectionId) => void = () => {},
): Promise<Rows> {
  const rows: Rows = {}
  const run = async ({ section, collect }: Collector) => {
    rows[section] = await collect(context).catch(error => [
      notAvailable(section, `the collector broke: ${messageOf(error)}`),
    ])
    onDone(section)
  }
  for (const step of STEPS) await Promise.all(step.filter(({ section }) => wanted.includes(section)).map(run))
  return rows
}

type Head = Pick<Report, 'feature' | 'date' | 'module' | 'range'>

/** The document of all eight sections, or of those that are wanted, without a secret in it. */
export function assemble(
  head: Head,
  rows: Rows,
  wanted: readonly SectionId[],
  secrets: readonly string[],
): Report {
  const sections = SECTION_IDS.filter(id => wanted.includes(id)).map((id): Section => {
    const { title, columns } = sectionForm(id)
    const own = rows[id] ?? [notAvailable(id, 'nothing was collected')]
    return {
      ...{ id, title, columns: [...columns] },
      rows: own.map(row => ({ ...row, cells: [...row.cells], evidence: [...row.evidence] })),
    }
  })
  const document: Report = {
    ...{ kind: 'backend-implementation-report', schemaVersion: SCHEMA_VERSION },
    ...head,
    machine: describeMachine(),
    sections,
  }
  return redact(document, secrets)
}
