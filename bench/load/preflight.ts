/** One request per endpoint before the load: a wrong address or token is found at once, and said in one line. */
import { request } from 'undici'
import { reasonOf } from '../errors.ts'
import { createLanes } from './lanes.ts'
import { toDispatch } from './open.ts'
import type { PreflightJob, Sample } from './protocol.ts'
import { expectation } from './recorder.ts'
import type { Datasets } from './template.ts'

/** Returns what each endpoint answered; it never throws for what the target does. */
export async function preflight(job: PreflightJob, data: Datasets): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const endpoint of job.endpoints) {
    const lanes = createLanes([endpoint], data, job.seed)
    const planned = lanes.next(0)
    const { origin, path, method, headers, body } = toDispatch(job.origin, planned.request)
    const timeout = job.timeout * 1000
    try {
      const answer = await request(new URL(path, origin), {
        ...{ method, headers: headers ?? {}, body: body ?? null },
        ...{ headersTimeout: timeout, bodyTimeout: timeout },
      })
      const text = await answer.body.text()
      lanes.capture(0, planned.endpoint, answer.statusCode, text)
      const expected = expectation(endpoint.expect)(answer.statusCode)
      samples.push({ endpoint: endpoint.name, expected, outcome: `answered ${answer.statusCode}` })
    } catch (error) {
      samples.push({ endpoint: endpoint.name, expected: false, outcome: reasonOf(error) })
    }
  }
  return samples
}
