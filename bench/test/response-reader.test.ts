/** Responses in every framing, cut into pieces at any byte. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MalformedResponse } from '../load/response-head.ts'
import { createResponseReader } from '../load/response-reader.ts'

type Read = {
  status: number
  body: string
  keepsAlive: boolean
  /** Whether it was complete before the connection ended. */
  isComplete: boolean
  /** Bytes that belong to it. */
  used: number
}

/** Reads `bytes` in pieces that end at these offsets, into a buffer that is used again, and then the end of the connection. */
function read(bytes: Buffer, cuts: readonly number[] = [], toHead = false): Read {
  const reader = createResponseReader(true)
  const shared = Buffer.alloc(Math.max(1, bytes.length))
  reader.expect(toHead)
  let used = 0
  const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  for (let i = 1; i < edges.length && !reader.isComplete(); i++) {
    const [from = 0, to = 0] = edges.slice(i - 1, i + 1)
    if (from === to) continue
    shared.fill(0x0a)
    bytes.copy(shared, 0, from, to)
    used += reader.read(shared, to - from)
  }
  const isComplete = reader.isComplete()
  if (!isComplete && !reader.end()) throw new Error('cut')
  const { status, keepsAlive } = reader.head()
  return { status, body: reader.body(), keepsAlive: keepsAlive && isComplete, isComplete, used }
}

const CRLF = '\r\n'

const chunked = (body: Buffer, sizes: readonly number[], extension: string, trailers: string): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0, i = 0; at < body.length; i++) {
    const chunk = body.subarray(at, at + (sizes[i % sizes.length] ?? 1))
    parts.push(Buffer.from(chunk.length.toString(16) + extension + CRLF), chunk, Buffer.from(CRLF))
    at += chunk.length
  }
  return Buffer.concat([...parts, Buffer.from(`0${CRLF}${trailers}${CRLF}`)])
}

type Sample = {
  bytes: Buffer
  expected: { status: number; body: string; keepsAlive: boolean }
}

/** Valid responses: the grammar of RFC 9112, with what servers are known to send. */
const sample: fc.Arbitrary<Sample> = fc
  .record({
    interim: fc.constantFrom(
      '',
      `HTTP/1.1 100 Continue${CRLF}${CRLF}`,
      `HTTP/1.1 103 Early Hints${CRLF}link: </a>${CRLF}${CRLF}`,
    ),
    minor: fc.constantFrom(0, 1),
    status: fc.constantFrom(200, 201, 204, 304, 404, 503),
    reason: fc.constantFrom(' OK', ' ', ' Not  Found: x'),
    connection: fc.constantFrom(
      undefined,
      'close',
      'keep-alive',
      'Keep-Alive',
      'foo, CLOSE',
      'keep-alive, foo',
    ),
    others: fc.array(
      fc.constantFrom(
        'x-a: b',
        'content-type: text/plain',
        'Cookie: content-length: 7',
        'connection-x: close',
        'date:',
      ),
      { maxLength: 4 },
    ),
    body: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constant(`${CRLF}${CRLF}0${CRLF}${CRLF}HTTP/1.1 200 OK`),
    ),
    framing: fc.constantFrom('length', 'chunked', 'until close'),
    sizes: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
    extension: fc.constantFrom('', ';a=b', ';a="b;c"'),
    trailers: fc.constantFrom('', `x-sum: 1${CRLF}`),
  })
  .map(
    ({
      interim,
      minor,
      status,
      reason,
      connection,
      others,
      framing,
      sizes,
      extension,
      trailers,
      ...rest
    }) => {
      const hasBody = status !== 204 && status !== 304
      const body = Buffer.from(hasBody ? rest.body : '')
      const lengths: Record<string, string[]> = {
        length: [`Content-Length: ${body.length}`],
        chunked: ['Transfer-Encoding: gzip, Chunked'],
        'until close': [],
      }
      const lines = [
        `HTTP/1.${minor} ${status}${reason}`,
        ...others,
        ...(hasBody ? (lengths[framing] ?? []) : []),
        ...(connection === undefined ? [] : [`connection: ${connection}`]),
      ]
      const framed = hasBody && framing === 'chunked' ? chunked(body, sizes, extension, trailers) : body
      const isKept = minor === 1 ? !/close/i.test(connection ?? '') : /keep-alive/i.test(connection ?? '')
      return {
        bytes: Buffer.concat([Buffer.from(`${interim}${lines.join(CRLF)}${CRLF}${CRLF}`), framed]),
        expected: {
          status,
          body: body.toString(),
          keepsAlive: isKept && !(hasBody && framing === 'until close'),
        },
      }
    },
  )

describe('a valid response', () => {
  it('is read the same way however it is cut into pieces', () => {
    fc.assert(
      fc.property(sample, fc.array(fc.nat(400), { maxLength: 12 }), ({ bytes, expected }, cuts) => {
        const pieces = cuts.map(cut => cut % (bytes.length + 1))
        expect(read(bytes, pieces)).toMatchObject({ ...expected, used: bytes.length })
        expect(read(bytes, Array.from(bytes.keys()))).toMatchObject(expected)
      }),
    )
  })

  it('is complete only with its last byte', () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ bytes, expected }, cut) => {
        const part = bytes.subarray(0, cut % bytes.length)
        const isUntilClose = !expected.keepsAlive && read(bytes).isComplete === false
        if (isUntilClose) return
        expect(() => read(part)).toThrow('cut')
      }),
    )
  })
})

describe('a response that is read as RFC 9112 asks of clients', () => {
  const cases: [string, string, Partial<Read>][] = [
    [
      'bare LF',
      'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
      { body: 'ok', keepsAlive: true, isComplete: true },
    ],
    [
      'a body that begins with a space, after bare LF',
      'HTTP/1.1 200 OK\nconnection: close\n\n x',
      { body: ' x' },
    ],
    ['empty lines before it', '\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', { isComplete: true }],
    [
      'no reason, and no space',
      'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n',
      { status: 200, isComplete: true },
    ],
    [
      'a folded header',
      'HTTP/1.1 200 OK\r\nconnection:\r\n\tfoo,\r\n close\r\ncontent-length: 0\r\n\r\n',
      { keepsAlive: false },
    ],
    [
      'a header in the fold of another',
      'HTTP/1.1 200 OK\r\nx-a: b\r\n content-length: 9\r\n\r\nok',
      { body: 'ok' },
    ],
    [
      'headers of one name',
      'HTTP/1.1 200 OK\r\nconnection: a\r\nCONNECTION: b, close\r\n\r\n',
      { keepsAlive: false },
    ],
    [
      'the same length twice',
      'HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok',
      { body: 'ok', isComplete: true },
    ],
    ['space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok', { isComplete: true }],
    [
      'several interim responses',
      `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(3)}HTTP/1.1 204 \r\n\r\n`,
      { status: 204 },
    ],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\n\r\n',
      { status: 101, keepsAlive: false },
    ],
    [
      'chunks in bare LF',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\n0\n\n',
      { body: 'ok', isComplete: true },
    ],
    [
      'space after a size',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2 ;a\r\nok\r\n0 \r\n\r\n',
      { body: 'ok', isComplete: true },
    ],
    [
      'a coding after chunked',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n2',
      { body: '2', isComplete: false },
    ],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\nok', { body: 'ok', isComplete: false, keepsAlive: false }],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', { isComplete: true, keepsAlive: false }],
  ]
  it.for(cases)('%s', ([, sent, expected]) => expect(read(Buffer.from(sent))).toMatchObject(expected))

  it('has no body where it belongs to a HEAD request, also if its headers name one', () => {
    for (const framing of ['content-length: 7', 'transfer-encoding: chunked', 'x-a: b']) {
      const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`)
      expect(read(bytes, [], true)).toMatchObject({ isComplete: true, keepsAlive: true, used: bytes.length })
    }
  })

  it('leaves what comes after it', () => {
    const first = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
    expect(read(Buffer.from(`${first}HTTP/1.1 408 Late\r\n\r\n`)).used).toBe(first.length)
  })
})

describe('what is no response', () => {
  const head = 'HTTP/1.1 200 OK\r\n'
  const chunks = `${head}transfer-encoding: chunked\r\n\r\n`
  const cases: [string, string, string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'no HTTP/1.x status line'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'no HTTP/1.x status line'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'no HTTP/1.x status line'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'no HTTP/1.x status line'],
    ['a length that is none', `${head}content-length: 2x\r\n\r\nok`, 'content-length "2x"'],
    ['a length below 0', `${head}content-length: -1\r\n\r\nok`, 'content-length "-1"'],
    ['an empty length', `${head}content-length:\r\n\r\nok`, 'content-length ""'],
    ['two lengths', `${head}content-length: 2\r\ncontent-length: 3\r\n\r\nok`, 'content-length "2\r, 3"'],
    [
      'a length and chunks',
      `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`,
      'both content-length',
    ],
    ['a chunk without a size', `${chunks}ok\r\n`, 'a chunk without a size'],
    ['a chunk of less than nothing', `${chunks}-1\r\n`, 'a chunk without a size'],
    ['a chunk longer than its size', `${chunks}1\r\nok\r\n`, 'a chunk that is longer than its size'],
    ['endless headers', `${head}x-a: ${'b'.repeat(70_000)}`, 'a head of more than 64 KiB'],
    ['an endless extension', `${chunks}1;${'b'.repeat(20_000)}`, 'a line of more than 16 KiB'],
  ]
  it.for(cases)('%s', ([, sent, reason]) => {
    expect(() => read(Buffer.from(sent))).toThrow(MalformedResponse)
    expect(() => read(Buffer.from(sent))).toThrow(reason)
  })
})

describe('beside the client of Node.js', () => {
  let bytes: Buffer = Buffer.alloc(0)
  const server = createServer(socket => {
    socket.once('data', () => socket.end(bytes))
    socket.on('error', () => {})
  })
  beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
  afterAll(() => server.close())

  async function readByNode(): Promise<{ status: number | undefined; body: string }> {
    const { port } = server.address() as AddressInfo
    const sent = request({ host: '127.0.0.1', port, agent: false })
    sent.end()
    const [response]: IncomingMessage[] = await once(sent, 'response')
    if (!response) throw new Error('there is no response')
    return { status: response.statusCode, body: await text(response) }
  }

  it('the status and the body are the same', async () => {
    await fc.assert(
      fc.asyncProperty(sample, async one => {
        bytes = one.bytes
        const { status, body } = read(bytes)
        expect(await readByNode()).toEqual({ status, body })
      }),
    )
  })
})
