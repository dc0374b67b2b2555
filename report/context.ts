/** What every collector receives, and what it returns. */
import type { Row, SectionId } from './document/document.ts'
import type { Repository } from './git.ts'
import { createHttp, type Http } from './http.ts'
import { createActors } from './security/actors.ts'
import type { ServiceContext } from './security/check.ts'
import { type Exhausted, exhaust } from './security/exhaust.ts'
import type { Subject } from './subject/subject.ts'
import { responds, type Surveyed, surveyRoutes } from './survey.ts'

export type Context = {
  subject: Subject
  http: Http
  surveyed: readonly Surveyed[]
  routes: Surveyed['route'][]
  repository: Repository | undefined
  exhausted: () => Promise<Exhausted>
  /** Undefined for an app that is not a service of this repository's kind. */
  service: Pick<ServiceContext, 'actors' | 'internals'> | undefined
}

/** Collects the rows of a section, with their evidence. */
export type Collector = { section: SectionId; collect: (context: Context) => Promise<Row[]> }

/** Returns the context of a running subject. Calls every route once. */
export async function createContext(subject: Subject, repository: Repository | undefined): Promise<Context> {
  const { internals } = subject
  const http = createHttp(subject.origin, subject.trace, subject.allowsWrites)
  const surveyed = await surveyRoutes(http, subject.observation.routes, internals === undefined)
  const routes = surveyed.filter(responds).map(({ route }) => route)
  let exhausted: Promise<Exhausted> | undefined
  return {
    subject,
    http,
    surveyed,
    routes,
    repository,
    exhausted: () => {
      exhausted ??= exhaust(http, routes)
      return exhausted
    },
    service: internals && { internals, actors: createActors(http, internals) },
  }
}
