/** Sends one request per endpoint before the load: a wrong address or token is found at once, and reported in one line. */
import { createConnection, type HttpResponse, type WireRequest, watchTimeouts } from './connection.ts'
import type { PreflightJob, Sample } from './protocol.ts'
import { expectation } from './recorder.ts'
import type { Datasets } from './template.ts'
import { createVirtualUsers } from './virtual-users.ts'

/** Returns how each endpoint responded; it never throws for what the target does. */
export async function preflight(job: PreflightJob, data: Datasets): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const endpoint of job.endpoints) {
    const users = createVirtualUsers({ ...job, endpoints: [endpoint] }, data)
    const planned = users.next(0)
    const response = await ask(job, planned.request)
    if (typeof response === 'string') {
      samples.push({ endpoint: endpoint.name, expected: false, outcome: response })
    } else {
      const problem = users.capture(0, planned.endpoint, response.status, response.body)
      const expected = !problem && expectation(endpoint.expect)(response.status)
      samples.push({
        endpoint: endpoint.name,
        expected,
        outcome: problem ?? `responded with ${response.status}`,
      })
    }
  }
  return samples
}

/** Returns the response, or why there was none. */
async function ask({ origin, timeout }: PreflightJob, request: WireRequest): Promise<HttpResponse | string> {
  const { promise, resolve } = Promise.withResolvers<HttpResponse | string>()
  const hooks = { onResponse: resolve, onLost: resolve }
  const connection = createConnection({ origin, timeout, wantsBody: true }, hooks)
  const stopWatching = watchTimeouts([connection])
  connection.send(request)
  try {
    return await promise
  } finally {
    stopWatching()
    connection.close()
  }
}
