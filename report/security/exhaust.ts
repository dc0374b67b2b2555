/** Asks as one client until the service refuses: what every probe of the limit of requests begins with. */
import type { Answer, Client, Http } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { pathOf, publicRead } from './routes.ts'

/** More than any limit that would protect an API from one client in a minute. */
export const MOST_REQUESTS = 1200

const AT_ONCE = 10

export const UNKNOWN_PATH = '/report/no-such-path'

export type Exhausted = { client: Client; path: string; passed: number; refused: Answer | undefined }

/** Probes are often exempt: their routes say nothing about the limit. */
export const EXEMPT = /health|live|ready|metrics/

/** A client that was refused after `passed` requests, or was not after as many as anybody should send. */
export async function exhaust(http: Http, routes: readonly ObservedRoute[]): Promise<Exhausted> {
  const route = publicRead(routes.filter(({ url }) => !EXEMPT.test(url)))
  const path = route ? pathOf(route) : UNKNOWN_PATH
  const client = http.client()
  let passed = 0
  while (passed < MOST_REQUESTS) {
    const sent = 'one request too many'
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => client.call('GET', path, { sent })),
    )
    passed += answers.filter(({ status }) => status !== 429).length
    const refused = answers.find(({ status }) => status === 429)
    if (refused) return { client, path, passed, refused }
  }
  return { client, path, passed, refused: undefined }
}
