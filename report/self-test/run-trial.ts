/** Runs the report on the service of a trial. */
import { collectRows, LIVE } from '../collect.ts'
import { createContext } from '../context.ts'
import type { Row } from '../document/document.ts'
import type { Evidence } from '../document/evidence.ts'
import { openRepository } from '../git.ts'
import { migrateReference, startReference } from '../subject/reference.ts'
import { cloneDatabase, dropDatabase, runSql } from './databases.ts'
import type { Trial } from './trial.ts'
import type { Workspace } from './workspace.ts'

/** The state and the text of a row, and the evidence against it. */
export type FoundRow = { state: Row['state']; text: string; why?: string }

/** The rows by `section/id`, without those that may differ from run to run. */
export type FoundRows = Record<string, FoundRow>

type Place = {
  workspace: Workspace
  /** The URL of a migrated database, which is copied. */
  template: string
  /** The checkout of the workspace. */
  root: string
}

type Subject = Pick<Trial, 'changes' | 'sql' | 'migrates' | 'environment'>

/** Returns the rows of the changed service. Nothing of the trial is left when this returns or throws. */
export async function runTrial(subject: Subject, name: string, place: Place): Promise<FoundRows> {
  const undo: (() => Promise<unknown>)[] = [await place.workspace.apply(subject.changes)]
  try {
    const databaseUrl = await cloneDatabase(place.template, name)
    undo.push(() => dropDatabase(databaseUrl))
    if (subject.migrates) await migrateReference(place.workspace.folder, databaseUrl)
    if (subject.sql !== undefined) await runSql(databaseUrl, subject.sql)
    return await reportOn(subject, databaseUrl, place)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function reportOn(
  subject: Subject,
  databaseUrl: string,
  { workspace, root }: Place,
): Promise<FoundRows> {
  const service = await startReference({
    root: workspace.folder,
    databaseUrl,
    ...(subject.environment && { environment: subject.environment }),
  })
  try {
    const context = await createContext(service, await openRepository(root))
    const rows = await collectRows(context, LIVE)
    return Object.fromEntries(
      Object.entries(rows).flatMap(([section, own]) =>
        own.filter(({ volatile }) => !volatile).map(row => [`${section}/${row.id}`, describeRow(row)]),
      ),
    )
  } finally {
    await service.stop()
  }
}

/** Items of evidence that are quoted. */
const MAX_REASONS = 3

function describeRow({ state, cells, evidence }: Row): FoundRow {
  const text = cells.join(' | ')
  const unmet = evidence.filter(item => 'met' in item && item.met === false).slice(0, MAX_REASONS)
  return unmet.length === 0 ? { state, text } : { state, text, why: unmet.map(describeEvidence).join('; ') }
}

function describeEvidence(item: Evidence): string {
  if (item.kind === 'exchange') {
    return `${item.sent}: ${item.request} → ${item.status}, expected: ${item.expected}`
  }
  return item.kind === 'fact' ? `${item.what}: ${item.value}, expected: ${item.expected}` : item.kind
}
