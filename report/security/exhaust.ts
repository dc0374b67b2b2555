/** Sends requests as one client until the rate limit refuses it. */
import type { Client, Http, HttpResponse } from '../http.ts'
import type { ObservedRoute } from '../observe/observation.ts'
import { pathOf, publicRead } from '../routes.ts'

/** More than any limit that would protect an API from one client in a minute. */
export const MAX_REQUESTS = 1200

const CONCURRENCY = 10

export const UNKNOWN_PATH = '/report/no-such-path'

export type Exhausted = {
  client: Client
  path: string
  passed: number
  refused: HttpResponse | undefined
}

/** Health checks and metrics are usually exempt from the rate limit. */
export const EXEMPT = /health|live|ready|metrics/

/** Returns a client that was refused after `passed` requests. `refused` is undefined when no limit was reached. */
export async function exhaust(http: Http, routes: readonly ObservedRoute[]): Promise<Exhausted> {
  const route = publicRead(routes.filter(({ url }) => !EXEMPT.test(url)))
  const path = route ? pathOf(route) : UNKNOWN_PATH
  const client = http.client()
  let passed = 0
  while (passed < MAX_REQUESTS) {
    const responses = await Promise.all(
      Array.from({ length: CONCURRENCY }, () => client.call('GET', path, { sent: 'one request too many' })),
    )
    passed += responses.filter(({ status }) => status !== 429).length
    const refused = responses.find(({ status }) => status === 429)
    if (refused) return { client, path, passed, refused }
  }
  return { client, path, passed, refused: undefined }
}
