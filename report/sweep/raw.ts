/** Requests that no HTTP client sends: what the parser refuses before any route or hook is asked. */
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { type Http, type HttpResponse, parseObject } from '../http.ts'
import type { Sample } from './sample.ts'

const LONG = 64_000

const REQUESTS: Record<string, string> = {
  'a request line that is none': 'NONE\r\n\r\n',
  'a method that HTTP does not know': 'NONE / HTTP/1.1\r\nHost: report\r\n\r\n',
  'a header without a name': 'GET / HTTP/1.1\r\nHost: report\r\n: 1\r\n\r\n',
  'no host': 'GET / HTTP/1.1\r\n\r\n',
  'two lengths': 'GET / HTTP/1.1\r\nHost: report\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\n',
  'a length and chunks':
    'GET / HTTP/1.1\r\nHost: report\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'headers of 64 kB': `GET / HTTP/1.1\r\nHost: report\r\nX-Long: ${'x'.repeat(LONG)}\r\n\r\n`,
  'an expectation that is none': 'GET / HTTP/1.1\r\nHost: report\r\nExpect: report\r\n\r\n',
  // The server ends it after its timeout.
  'half a request': 'GET / HTTP/1.1\r\nHost: report\r\n',
}

/** Longer than the request timeout with which the report starts its service, and than the interval in which it is checked. */
const TIMEOUT_MS = 6000

/** Returns the samples of all raw requests that have a response. */
export async function sweepRaw(http: Http): Promise<Sample[]> {
  // Node's parser knows more methods than HTTP's own: REPORT, for one, reaches the app.
  const requests = Object.entries(REQUESTS).filter(([, text]) => http.allowsWrites || text.startsWith('GET '))
  const samples = await Promise.all(
    requests.map(async ([sent, text]): Promise<Sample[]> => {
      const again = () => sendText(http, sent, text)
      const response = await again()
      if (!response) return []
      const resend = async () => (await again()) ?? response
      const about = {
        route: undefined,
        method: 'GET',
        path: '/',
        actor: 'anonymous',
        kind: 'parser',
      } as const
      return [{ ...about, response, again: resend }]
    }),
  )
  return samples.flat()
}

/** Sends bytes as they are. Returns the response; undefined where the server closes without one. */
async function sendText(
  { hostname, port }: Http,
  sent: string,
  text: string,
): Promise<HttpResponse | undefined> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host: hostname, port })
  let received = ''
  const deadline = setTimeout(() => socket.destroy(), TIMEOUT_MS)
  socket.setEncoding('utf8').on('data', chunk => {
    received += chunk
    // A refusal of the parser ends the connection; of any other response the headers are enough.
    if (received.includes('\r\n\r\n') && /^connection: keep-alive/im.test(received)) socket.destroy()
  })
  // A reset after the response is how a server refuses to read the rest.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearTimeout(deadline)
    resolve(received)
  })
  socket.write(text)
  return parseResponse(await promise, sent)
}

function parseResponse(received: string, sent: string): HttpResponse | undefined {
  const [head = '', ...body] = received.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0)
  if (status === 0) return undefined
  const headers: IncomingHttpHeaders = {}
  for (const line of lines)
    headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim()
  const text = body.join('\r\n\r\n')
  const json = parseObject(text)
  const code = typeof json.code === 'string' ? { code: json.code } : {}
  const exchange = { kind: 'exchange' as const, sent, request: 'raw bytes', status, ...code }
  return { status, headers, text, json, hasEnded: true, traceId: '', exchange }
}
