/** Errors of the HTTP parser are sent as problems, once and in order (P17). */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { createTestApp } from '../helpers/app.ts'
import { expectProblem } from '../helpers/problems.ts'
import { exchange, openConnection, type RawResponse } from '../helpers/raw-http.ts'

function addRoutes(app: FastifyInstance): void {
  app.get('/slow', async () => {
    await sleep(300)
    return { slow: true }
  })
  app.post('/early', { onRequest: async (_request, reply) => reply.code(204).send() }, async () => ({}))
}

const service = await createTestApp(
  { LOG_LEVEL: 'info', REQUEST_TIMEOUT: '1s', BODY_LIMIT: '1024' },
  addRoutes,
)
await service.app.listen({ host: '127.0.0.1', port: 0 })
afterAll(service.close)
const { port } = service.app.server.address() as AddressInfo

const LOGIN = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n'
const LIVE = 'GET /health/live HTTP/1.1\r\nHost: test\r\n'

/** Sends bytes that get one response, a problem, after which the connection is closed. */
async function refusalOf(bytes: (string | Buffer | number)[], expected: { status: number; code: string }) {
  const responses = await exchange(port, bytes)
  expect(responses).toHaveLength(1)
  const [response] = responses as [RawResponse]
  const problem = expectProblem(response, expected)
  expect(Date.parse(response.headers.date ?? '')).toBeGreaterThan(Date.now() - 60_000)
  return { problem, response }
}

const BAD_REQUEST = { status: 400, code: 'BAD_REQUEST' }

/** Bytes that are not HTTP, or HTTP that two servers may understand in different ways. */
const MALFORMED: Record<string, string | Buffer> = {
  'a malformed request line': 'HELLO\r\n\r\n',
  'a malformed method': 'BREW /pot HTTP/1.1\r\nHost: test\r\n\r\n',
  'a TLS greeting': Buffer.from('16030100f1010000ed0303', 'hex'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a version that is none': 'GET / HTTP/9.9\r\nHost: test\r\n\r\n',
  'a space in the target': 'GET /a b HTTP/1.1\r\nHost: test\r\n\r\n',
  'a NUL in a header': `${LIVE}X-A: a\0b\r\n\r\n`,
  'a header without a name': `${LIVE}: a\r\n\r\n`,
  'a space before the colon': `${LIVE}X-A : a\r\n\r\n`,
  'a folded header': `${LIVE}X-A: a\r\n b: c\r\n d\r\n\r\nX`,
  'a bare line feed in a header': `${LIVE}X-A: a\nX-B: b\rc\r\n\r\n`,
  'two lengths': `${LOGIN}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
  'a length that is no number': `${LOGIN}Content-Length: two\r\n\r\n{}`,
  'a negative length': `${LOGIN}Content-Length: -1\r\n\r\n{}`,
  'a length past 2^64': `${LOGIN}Content-Length: 18446744073709551617\r\n\r\n{}`,
  'a length and chunks (CL.TE)': `${LOGIN}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n`,
  'chunks and a length (TE.CL)': `${LOGIN}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /smuggled\r\n0\r\n\r\n`,
  'an unknown encoding': `${LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunked, but not last': `${LOGIN}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'a malformed chunk size': `${LOGIN}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
  'a chunk longer than its size': `${LOGIN}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
}

describe('P17: the parser', () => {
  it.each(Object.keys(MALFORMED))('responds to %s with a 400, and closes', async name => {
    const { problem, response } = await refusalOf([MALFORMED[name] ?? ''], BAD_REQUEST)
    expect(response.headers.connection).toBe('close')
    const line = service.log
      .map(text => JSON.parse(text))
      .find(({ requestId }) => requestId === problem.requestId)
    expect(line).toMatchObject({ status: 400, ip: '127.0.0.1' })
  })

  it('responds to HTTP/1.1 without a Host, or with two, with a 400; HTTP/1.0 needs none', async () => {
    await refusalOf(['GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'], BAD_REQUEST)
    await refusalOf([`${LIVE}hOST: other\r\nConnection: close\r\n\r\n`], BAD_REQUEST)
    const responses = await exchange(port, ['GET /health/live HTTP/1.0\r\n\r\n'])
    expect(responses.map(({ status }) => status)).toEqual([200])
    await refusalOf(['GET /health/live HTTP/1.0\r\nHost: test\r\nHost: other\r\n\r\n'], BAD_REQUEST)
  })

  it('does not take a client that leaves while it sends its body for a lost database', async () => {
    const failures = () => service.log.filter(text => JSON.parse(text).level === 'error')
    const before = failures()
    const client = await openConnection(`http://127.0.0.1:${port}`)
    client.write(`${LOGIN}Content-Length: 100\r\n\r\n{"email":`)
    await sleep(100)
    client.close()
    await sleep(200)
    expect(failures()).toEqual(before)
  })

  it('responds to headers past 16 KiB with a 431, also to a client that continues to send', async () => {
    const { response } = await refusalOf([`${LIVE}X-A: ${'a'.repeat(20_000)}`, 'b'.repeat(100_000)], {
      status: 431,
      code: 'HEADERS_TOO_LARGE',
    })
    expect(response.headers.connection).toBe('close')
  })

  it('responds to a chunk with endless extensions with a 413', async () => {
    const chunk = `1;${'a'.repeat(20_000)}\r\n{\r\n`
    await refusalOf([`${LOGIN}Transfer-Encoding: chunked\r\n\r\n`, chunk], {
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
    })
  })

  it('responds to a body past the limit with a 413, with and without its length in a header', async () => {
    await refusalOf([`${LOGIN}Connection: close\r\nContent-Length: 2000\r\n\r\n${'a'.repeat(2000)}`], {
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
    })
    const chunk = `400\r\n${'a'.repeat(1024)}\r\n`
    await refusalOf(
      [`${LOGIN}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`],
      { status: 413, code: 'PAYLOAD_TOO_LARGE' },
    )
  })

  it('reads the rest of a body that was refused, and responds to the next request', async () => {
    const part = 'a'.repeat(1000)
    const chunk = `3e8\r\n${part}\r\n`
    const next = `${LIVE}Connection: close\r\n\r\n`
    for (const bytes of [
      [`${LOGIN}Content-Length: 4000\r\n\r\n${part}`, 100, part, part, 100, part, next],
      [
        `${LOGIN}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
        100,
        chunk,
        100,
        `${chunk}0\r\n\r\n${next}`,
      ],
      [`${LOGIN}Content-Length: 1\r\n\r\n{${next}`],
    ]) {
      const [refusal, response] = await exchange(port, bytes)
      expect(refusal?.status).toBe(bytes.length === 1 ? 400 : 413)
      expect(response?.status).toBe(200)
    }
  })

  it('closes without a response where a client uses it as a proxy', async () => {
    expect(await exchange(port, ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'])).toEqual(
      [],
    )
  })

  it('ignores an unknown upgrade, and an unknown expectation', async () => {
    const upgrade = `${LIVE}Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n`
    const expectation = `${LIVE}Connection: close\r\nExpect: miracles\r\n\r\n`
    for (const bytes of [upgrade, expectation]) {
      expect((await exchange(port, [bytes])).map(({ status }) => status)).toEqual([200])
    }
  })

  it('responds to a target in absolute form as to its path', async () => {
    const absolute = LIVE.replace('/health', 'http://example.com/health')
    const [response] = await exchange(port, [`${absolute}Connection: close\r\n\r\n`])
    expect(response?.status).toBe(200)
  })

  it('responds to a method that no route has as to an unknown path', async () => {
    await refusalOf(['PROPFIND /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n'], {
      status: 404,
      code: 'NOT_FOUND',
    })
  })
})

describe('P17: time limits', () => {
  it('responds to headers that do not end with a 408', async () => {
    await refusalOf([LIVE, 200, 'X-Slow: 1\r\n'], { status: 408, code: 'REQUEST_TIMEOUT' })
  })

  it('responds to a body that arrives slowly with a 408, also where it never stops', async () => {
    const drips = Array.from({ length: 25 }, () => [100, ' ']).flat()
    await refusalOf([`${LOGIN}Content-Length: 100\r\n\r\n`, ...drips], {
      status: 408,
      code: 'REQUEST_TIMEOUT',
    })
  })

  it('does not close a connection that waits between two requests', async () => {
    const responses = await exchange(port, [`${LIVE}\r\n`, 2500, `${LIVE}Connection: close\r\n\r\n`])
    expect(responses.map(({ status }) => status)).toEqual([200, 200])
  })
})

describe('P17: the order of responses', () => {
  it('is the order of the requests, also where the later one is refused by the parser', async () => {
    const responses = await exchange(port, ['GET /slow HTTP/1.1\r\nHost: test\r\n\r\nNONSENSE\r\n\r\n'])
    expect(responses.map(({ status }) => status)).toEqual([200, 400])
    expect(responses[0]?.body).toBe('{"slow":true}')
  })

  it('has one error, for any number of further bytes', async () => {
    const garbage = Array.from({ length: 40 }, () => ['NONSENSE\r\n', 5]).flat()
    const responses = await exchange(port, ['GET /slow HTTP/1.1\r\nHost: test\r\n\r\n', ...garbage])
    expect(responses.map(({ status }) => status)).toEqual([200, 400])
  })

  it('has one response for each request: none follows for the body of a request that has one', async () => {
    const responses = await exchange(port, [
      'POST /early HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n',
      100,
      'zz\r\n',
    ])
    expect(responses.map(({ status }) => status)).toEqual([204])
  })

  it('sends the error of a body after the response before it', async () => {
    const responses = await exchange(port, [
      `GET /slow HTTP/1.1\r\nHost: test\r\n\r\n${LOGIN}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ])
    expect(responses.map(({ status }) => status)).not.toContain(400)
  })

  it('is kept after an error of a route, which leaves the connection open for the next request', async () => {
    const responses = await exchange(port, [
      `${LOGIN}Content-Length: 2\r\n\r\n{}${LIVE}Connection: close\r\n\r\n`,
    ])
    expect(responses.map(({ status }) => status)).toEqual([400, 200])
  })
})
