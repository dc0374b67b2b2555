/** An OTLP/HTTP collector that keeps the exports that it receives, or never responds where a test wants that. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

type Value = { stringValue?: string; intValue?: number; doubleValue?: number; boolValue?: boolean }

type ExportedSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: Value }[]
  status: { code?: number }
}

export type Span = Omit<ExportedSpan, 'attributes' | 'status'> & {
  attributes: Record<string, unknown>
  isError: boolean
}

/** OTLP's enumeration of kinds. */
export const KIND = { server: 2, client: 3 }

const STATUS_ERROR = 2

export type Collector = Awaited<ReturnType<typeof startCollector>>

export async function startCollector({ isMute = false } = {}) {
  const bodies: string[] = []
  const paths: string[] = []
  const requests: { headers: IncomingHttpHeaders; body: Buffer }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      paths.push(`${request.method} ${request.url}`)
      requests.push({ headers: request.headers, body })
      bodies.push(body.toString())
      if (!isMute) response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    /** The exports as they were received. */
    bodies,
    paths,
    /** The exports with their headers, in any format. */
    requests,
    /** Every span so far. */
    spans: (): Span[] => bodies.flatMap(body => spansOf(JSON.parse(body))),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function spansOf(body: { resourceSpans: { scopeSpans: { spans: ExportedSpan[] }[] }[] }): Span[] {
  const exported = body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  return exported.map(({ attributes, status, ...span }) => ({
    ...span,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    isError: status.code === STATUS_ERROR,
  }))
}
