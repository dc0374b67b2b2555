/** One request per endpoint before the load: a wrong address or token is found at once, and said in one line. */
import { type Answer, createConnection, type WireRequest, watchTimeouts } from './connection.ts'
import type { PreflightJob, Sample } from './protocol.ts'
import { expectation } from './recorder.ts'
import type { Datasets } from './template.ts'
import { createVirtualUsers } from './virtual-users.ts'

/** Returns what each endpoint answered; it never throws for what the target does. */
export async function preflight(job: PreflightJob, data: Datasets): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const endpoint of job.endpoints) {
    const users = createVirtualUsers({ ...job, endpoints: [endpoint] }, data)
    const planned = users.next(0)
    const answer = await ask(job, planned.request)
    if (typeof answer === 'string') {
      samples.push({ endpoint: endpoint.name, expected: false, outcome: answer })
    } else {
      const problem = users.capture(0, planned.endpoint, answer.status, answer.body)
      const expected = !problem && expectation(endpoint.expect)(answer.status)
      samples.push({ endpoint: endpoint.name, expected, outcome: problem ?? `answered ${answer.status}` })
    }
  }
  return samples
}

/** Returns the answer, or why there was none. */
async function ask({ origin, timeout }: PreflightJob, request: WireRequest): Promise<Answer | string> {
  const { promise, resolve } = Promise.withResolvers<Answer | string>()
  const hooks = { onAnswer: resolve, onLost: resolve }
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
