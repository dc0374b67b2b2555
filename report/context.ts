/** What every collector receives, and what it returns. */
import { readConfig } from './config.ts'
import type { Row, SectionId } from './document/document.ts'
import type { Repository } from './git.ts'
import { createHttp, type Http } from './http.ts'
import { once } from './once.ts'
import { createActors } from './security/actors.ts'
import type { ServiceContext } from './security/check.ts'
import { type Exhausted, exhaust } from './security/exhaust.ts'
import { type Api, createApi } from './service/api.ts'
import { createObjects } from './service/objects.ts'
import type { Internals, Subject } from './subject/subject.ts'
import { responds, type Surveyed, surveyRoutes } from './survey.ts'
import { type Sweep, sweepService } from './sweep/sweep.ts'

export type Context = {
  subject: Subject
  http: Http
  surveyed: readonly Surveyed[]
  routes: Surveyed['route'][]
  repository: Repository | undefined
  exhausted: () => Promise<Exhausted>
  api: Api
  /** Returns the responses to all that the report asks every route. Runs once. */
  sweep: () => Promise<Sweep>
  /** Undefined for an app that is not a service of this repository's kind. */
  service: Pick<ServiceContext, 'actors' | 'internals' | 'objects'> | undefined
}

/** Collects the rows of a section, with their evidence. */
export type Collector = { section: SectionId; collect: (context: Context) => Promise<Row[]> }

/** Returns the context of a running subject. Calls every route once. The config is that of the app at `configRoot`. */
export async function createContext(
  subject: Subject,
  repository: Repository | undefined,
  configRoot = subject.root,
): Promise<Context> {
  const { internals } = subject
  const http = createHttp(subject.origin, subject.trace, subject.allowsWrites)
  const surveyed = await surveyRoutes(http, subject.observation.routes, internals === undefined)
  const routes = surveyed.filter(responds).map(({ route }) => route)
  const api = createApi(routes, await readConfig(configRoot))
  const service = internals && { internals, ...createAccounts(http, api, routes, internals) }
  const exhausted = once(() => exhaust(http, routes))
  const sweep = once(() =>
    sweepService({
      http,
      routes,
      accounts: service && { api, ...service, metricsToken: service.internals.metricsToken },
      allowsWrites: subject.allowsWrites,
      exhausted,
    }),
  )
  return { subject, http, surveyed, routes, repository, exhausted, api, sweep, service }
}

function createAccounts(http: Http, api: Api, routes: Surveyed['route'][], internals: Internals) {
  const actors = createActors(http, api, internals)
  return { actors, objects: createObjects(routes, api, actors) }
}
