/** The W3C context of requests to other services: the same trace, under the span that sends them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { testConfig } from '../helpers/config.ts'
import { cloneDatabase, type TestDatabase } from '../helpers/database.ts'
import { type Collector, startCollector } from '../helpers/otlp-collector.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'

let database: TestDatabase
let collector: Collector

beforeAll(async () => {
  database = await cloneDatabase()
  collector = await startCollector()
})
afterAll(async () => {
  await collector.close()
  await database.drop()
})

/** An app with a route that returns the headers that it would send, outside and inside a query's span. */
async function buildProbe(endpoint?: string) {
  const app = await buildApp(testConfig(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }))
  app.get('/probe', async request => ({
    byItself: app.traceHeaders(request),
    insideOfQuery: await app.traceQuery('select 1', async () => app.traceHeaders(request)),
  }))
  return app
}

async function probe(app: Awaited<ReturnType<typeof buildProbe>>, flags: string) {
  const headers = { traceparent: `00-${TRACE}-${CALLER}-${flags}`, tracestate: 'vendor=opaque' }
  const response = await app.inject({ url: '/probe', headers })
  return { own: response.headers.traceresponse, ...response.json() }
}

describe('an outgoing request', () => {
  it('continues the trace of a sampled request, under the span that sends it', async () => {
    const app = await buildProbe(collector.url)
    const { own, byItself, insideOfQuery } = await probe(app, '01')
    expect(byItself).toEqual({ traceparent: own, tracestate: 'vendor=opaque' })
    expect(insideOfQuery.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    const unsampled = await probe(app, '00')
    expect(unsampled.insideOfQuery.traceparent).toBe(unsampled.own)
    await app.close()
    const query = collector.spans().find(({ name }) => name === 'SELECT postgresql')
    expect(insideOfQuery.traceparent).toContain(query?.spanId)
  })

  it('continues the trace also where nothing is recorded, so that the decision of the caller holds', async () => {
    const app = await buildProbe()
    const { own, byItself, insideOfQuery } = await probe(app, '00')
    expect(own).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    expect(byItself.traceparent).toBe(own)
    expect(insideOfQuery).toEqual(byItself)
    const { byItself: fresh } = (await app.inject('/probe')).json()
    expect(fresh).toEqual({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) })
    await app.close()
  })
})
