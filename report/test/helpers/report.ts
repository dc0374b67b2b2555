/** Reports of services under test, started on a clone of the template database. */
import { cloneDatabase } from '../../../test/helpers/database.ts'
import { collectRows, LIVE, toDocument } from '../../collect.ts'
import { createContext } from '../../context.ts'
import type { Report, SectionId } from '../../document/document.ts'
import { ROOT } from '../../generate.ts'
import { openRepository } from '../../git.ts'
import { startReference } from '../../subject/reference.ts'
import type { Subject } from '../../subject/subject.ts'

/** Longer than a busy machine delays a request, and shorter than the check of slow requests waits. */
const REQUEST_TIMEOUT = '5s'

type Options = {
  sections?: readonly SectionId[]
  environment?: NodeJS.ProcessEnv
}

/** Returns the report of a service that is started for it and then stopped. */
export async function reportOf({ sections = LIVE, environment }: Options = {}) {
  const database = await cloneDatabase()
  let subject: Subject | undefined
  try {
    subject = await startReference({
      root: ROOT,
      databaseUrl: database.url,
      environment: { REQUEST_TIMEOUT, ...environment },
    })
    return await reportOfSubject(subject, sections)
  } finally {
    await subject?.stop()
    await database.drop()
  }
}

async function reportOfSubject(subject: Subject, sections: readonly SectionId[]): Promise<Report> {
  const repository = await openRepository(subject.root)
  const rows = await collectRows(await createContext(subject, repository), sections)
  const head = { commit: null, dirty: false }
  const title = { feature: 'test', date: '2026-01-31', module: subject.module, range: { head } }
  return toDocument(title, rows, sections, subject.secrets)
}

/** Returns a row by its section and id, with its cells as one text. */
export function rowOf({ sections }: Report, section: SectionId, id: string) {
  const row = sections.find(other => other.id === section)?.rows.find(other => other.id === id)
  return row && { state: row.state, text: row.cells.join(' | '), evidence: row.evidence }
}

/** Returns the state and the text of every row, by `section/id`. */
export function textsOf({ sections }: Report): Map<string, string> {
  return new Map(
    sections.flatMap(section =>
      section.rows
        .filter(row => !row.volatile)
        .map(row => [`${section.id}/${row.id}`, `${row.state}: ${row.cells.join(' | ')}`]),
    ),
  )
}
