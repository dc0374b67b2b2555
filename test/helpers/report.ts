/** Reports of services under test: booted on a clone of the template, broken on purpose where a test wants it. */
import { fileURLToPath } from 'node:url'
import { assemble, collectRows } from '../../report/build.ts'
import { createContext } from '../../report/collectors/context.ts'
import type { Report, SectionId } from '../../report/document/document.ts'
import { openRepository } from '../../report/git.ts'
import { startReference } from '../../report/subject/reference.ts'
import type { Subject } from '../../report/subject/subject.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'
import type { Replacement } from './mutation-loader.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a running service can tell without a bench; its files are not about how it runs. */
export const LIVE: readonly SectionId[] = [
  'stack',
  'endpoints',
  'database',
  'middleware',
  'security',
  'environment',
]

/** Beyond what a busy machine lets a connection wait before its request is sent, and within the probe's own patience. */
const REQUEST_TIMEOUT = '5s'

type Options = {
  replacements?: readonly Replacement[]
  sections?: readonly SectionId[]
  /** Changes the migrated database before the service starts. */
  prepare?: (database: TestDatabase) => Promise<void>
  environment?: NodeJS.ProcessEnv
}

/** The report of a service that is started for it and ended. */
export async function reportOf({ replacements = [], sections = LIVE, prepare, environment }: Options = {}) {
  const database = await cloneDatabase()
  let subject: Subject | undefined
  try {
    await prepare?.(database)
    subject = await startReference({
      root: ROOT,
      databaseUrl: database.url,
      imports: replacements.length === 0 ? [] : [loaderOf(replacements)],
      environment: { REQUEST_TIMEOUT, ...environment },
    })
    return await collectReport(subject, sections)
  } finally {
    await subject?.stop()
    await database.drop()
  }
}

/** The document of a running subject. */
export async function collectReport(subject: Subject, sections: readonly SectionId[]): Promise<Report> {
  const repository = await openRepository(subject.root)
  const rows = await collectRows(await createContext(subject, repository), sections)
  const head = { commit: null, dirty: false }
  const title = { feature: 'test', date: '2026-01-31', module: subject.module, range: { head } }
  return assemble(title, rows, sections, subject.secrets)
}

function loaderOf(replacements: readonly Replacement[]): string {
  const url = new URL('./mutation-loader.ts', import.meta.url)
  url.searchParams.set('replace', JSON.stringify(replacements))
  return url.href
}

/** A row by its section and id; its state and its text, the row's cells in one. */
export function rowOf({ sections }: Report, section: SectionId, id: string) {
  const row = sections.find(other => other.id === section)?.rows.find(other => other.id === id)
  return row && { state: row.state, text: row.cells.join(' | '), evidence: row.evidence }
}

/** Every row by `section/id`, with what it says. */
export function textsOf({ sections }: Report): Map<string, string> {
  return new Map(
    sections.flatMap(section =>
      section.rows
        .filter(row => !row.volatile)
        .map(row => [`${section.id}/${row.id}`, `${row.state}: ${row.cells.join(' | ')}`]),
    ),
  )
}

/** The rows that say something else in the second report, or are in one of them alone. */
export function differences(before: Report, after: Report): string[] {
  const [old, now] = [textsOf(before), textsOf(after)]
  const keys = new Set([...old.keys(), ...now.keys()])
  return [...keys].filter(key => old.get(key) !== now.get(key)).sort()
}
