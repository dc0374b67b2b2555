/** One connection of a load: where it connects, what it sends, when it reconnects, and what counts as lost. */
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../../test/helpers/certificates.ts'
import { now } from '../load/clock.ts'
import { type Connection, createConnection, type HttpResponse, watchTimeouts } from '../load/connection.ts'
import type { Datasets } from '../load/template.ts'
import { createVirtualUsers } from '../load/virtual-users.ts'
import type { Endpoint } from '../scenario.ts'
import { startRudeProcess } from './helpers/rude-process.ts'

type Asker = {
  /** Returns the response, or the reason why there is none. */
  ask: (text?: string, isHead?: boolean) => Promise<HttpResponse | string>
  connection: Connection
  /** How many connections were opened. */
  opened: () => number
}

function createAsker(origin: string, timeout = 5): Asker {
  let settle = (_outcome: HttpResponse | string): void => {}
  let opened = 0
  const connection = createConnection(
    { origin, timeout, wantsBody: true },
    {
      onResponse: response => settle(response),
      onLost: reason => settle(reason),
      onConnected: () => opened++,
    },
  )
  return {
    connection,
    opened: () => opened,
    ask(text = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', isHead = false) {
      const { promise, resolve } = Promise.withResolvers<HttpResponse | string>()
      settle = resolve
      connection.send({ text, isHead })
      return promise
    },
  }
}

async function serving<T>(
  server: Server | TcpServer,
  host: string,
  work: (port: number) => Promise<T>,
): Promise<T> {
  await once(server.listen(0, host), 'listening')
  try {
    return await work((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
}

const echo: RequestListener = (request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', chunk => {
    body += chunk
  })
  request.on('end', () => {
    const { method, url, headers } = request
    if (url === '/close') response.setHeader('connection', 'close')
    response.end(JSON.stringify({ method, url, headers, body }))
  })
}

describe('an address', () => {
  const authority = createAuthority()
  const { certificate, key } = authority.sign(['localhost'])
  const before = getCACertificates('default')
  beforeAll(() => setDefaultCACertificates([...before, authority.certificate]))
  afterAll(() => setDefaultCACertificates(before))

  const hosts = [
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['localhost', '127.0.0.1'],
  ] as const

  it.for(hosts)('is found: http://%s served on %s', ([name, host]) =>
    serving(createHttpServer(echo), host, async port => {
      const { ask, connection, opened } = createAsker(`http://${name}:${port}`)
      for (const path of ['/', '/close', '/', '/']) {
        expect(await ask(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatchObject({ status: 200 })
      }
      expect(opened()).toBe(2)
      connection.close()
    }),
  )

  it('is reached by TLS, on every connection under its name', () =>
    serving(createHttpsServer({ cert: certificate, key }, echo), '127.0.0.1', async port => {
      const { ask, connection, opened } = createAsker(`https://localhost:${port}`)
      for (const path of ['/', '/close', '/', '/']) {
        const response = await ask(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
        expect(response).toMatchObject({ status: 200, body: expect.stringContaining(path) })
      }
      expect(opened()).toBe(2)
      connection.close()
    }))

  it('is not reached by TLS under another name than that of its certificate', () =>
    serving(createHttpsServer({ cert: certificate, key }, echo), '127.0.0.1', async port => {
      expect(await createAsker(`https://127.0.0.1:${port}`).ask()).toMatch(
        /IP: 127\.0\.0\.1 is not in the cert/,
      )
    }))

  it('that cuts its responses under TLS loses them', () => {
    const cut: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('half', () => response.destroy())
    }
    return serving(createHttpsServer({ cert: certificate, key }, cut), '127.0.0.1', async port => {
      expect(await createAsker(`https://localhost:${port}`).ask()).toMatch(
        /^connection (closed|reset) within the resp/,
      )
    })
  })

  it('that nothing listens on is refused', async () => {
    const port = await serving(createTcpServer(), '127.0.0.1', async free => free)
    expect(await createAsker(`http://127.0.0.1:${port}`).ask()).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`)
  })

  it('that never finishes the handshake runs out of time', () => {
    const silent = createTcpServer(socket => socket.on('error', () => {}))
    return serving(silent, '127.0.0.1', async port => {
      const { ask, connection } = createAsker(`https://localhost:${port}`, 0.2)
      const asked = ask()
      connection.expire(now() + 100)
      expect(await Promise.race([asked, 'still waiting'])).toBe('still waiting')
      connection.expire(now() + 300)
      expect(await asked).toBe('no connection within 0.2 s')
    })
  })
})

describe('a process that is kept from its CPU', () => {
  it('loses no response that was there in time, though it was read late', async () => {
    const server = await startRudeProcess({ delay: 20 })
    const { ask, connection } = createAsker(server.origin, 0.5)
    const stopWatching = watchTimeouts([connection])
    expect(await ask()).toMatchObject({ status: 200 })
    const asked = ask()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
    expect(await asked).toMatchObject({ status: 200 })
    stopWatching()
    connection.close()
    await server.stop()
  })
})

describe('a connection that is idle', () => {
  it('is not used for as long as the server says, but for a little less', async () => {
    const server = createHttpServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
      response.setHeader('keep-alive', 'timeout=1')
      response.end()
    })
    await serving(server, '127.0.0.1', async port => {
      const { ask, connection, opened } = createAsker(`http://127.0.0.1:${port}`)
      for (let i = 0; i < 20; i++) await ask()
      expect(opened()).toBe(1)
      await sleep(600)
      expect(await ask()).toMatchObject({ status: 200 })
      expect(opened()).toBe(2)
      connection.close()
    })
  })
})

describe('a connection that the server ends without a word', () => {
  it('costs no request where that is seen before the next one is written', () => {
    const closed: Promise<unknown>[] = []
    const server = createTcpServer({ allowHalfOpen: true }, socket => {
      closed.push(once(socket, 'close'))
      socket.on('end', () => socket.destroy())
      socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
    })
    return serving(server, '127.0.0.1', async port => {
      const { ask, opened } = createAsker(`http://127.0.0.1:${port}`)
      for (let i = 1; i <= 3; i++) {
        expect(await ask()).toMatchObject({ status: 204 })
        // It is closed from our side once the server's end has been read.
        await closed[i - 1]
        expect(opened()).toBe(i)
      }
    })
  })

  it('costs the request that was written before', () => {
    const server = createTcpServer({ allowHalfOpen: true }, socket => {
      socket.on('error', () => {})
      socket.on('end', () => socket.destroy())
      socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
    })
    return serving(server, '127.0.0.1', async port => {
      const outcomes: unknown[] = []
      const { promise, resolve } = Promise.withResolvers<void>()
      const next = (outcome: unknown): void => {
        outcomes.push(outcome)
        if (outcomes.length === 4) resolve()
        else connection.send({ text: 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', isHead: false })
      }
      const connection = createConnection(
        { origin: `http://127.0.0.1:${port}`, timeout: 5, wantsBody: false },
        { onResponse: ({ status }) => next(status), onLost: next },
      )
      connection.send({ text: 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', isHead: false })
      await promise
      connection.close()
      const lost = 'connection closed before the response'
      expect(outcomes).toEqual([204, lost, 204, lost])
    })
  })
})

describe('a response that is broken', () => {
  const cases: [string, string | HttpResponse, string, string][] = [
    [
      'bytes after its end',
      'malformed response: bytes after its end',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nok',
      '',
    ],
    ['no HTTP', 'malformed response: no HTTP/1.x status line', 'hello\r\n', ''],
    [
      'a length twice',
      'malformed response: content-length "1\r, 2"',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      '',
    ],
  ]
  it.for(cases)('is lost, and the next is read on a new connection: %s', ([, reason, bytes]) => {
    let isFirst = true
    const server = createTcpServer(socket => {
      socket.on('error', () => {})
      socket.on('data', () => {
        socket.write(isFirst ? bytes : 'HTTP/1.1 204 No Content\r\n\r\n')
        isFirst = false
      })
    })
    return serving(server, '127.0.0.1', async port => {
      const { ask, connection, opened } = createAsker(`http://127.0.0.1:${port}`)
      expect(await ask()).toBe(reason)
      expect(await ask()).toMatchObject({ status: 204 })
      expect(await ask()).toMatchObject({ status: 204 })
      expect(opened()).toBe(2)
      connection.close()
    })
  })

  it('is not one that has another, unasked, behind it: the connection is not used again', () => {
    const server = createTcpServer(socket => {
      socket.on('error', () => {})
      socket.on('data', () =>
        socket.write('HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 408 Request Timeout\r\n\r\n'),
      )
    })
    return serving(server, '127.0.0.1', async port => {
      const { ask, connection, opened } = createAsker(`http://127.0.0.1:${port}`)
      for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject({ status: 204 })
      expect(opened()).toBe(3)
      connection.close()
    })
  })
})

describe('a request', () => {
  async function sent(endpoint: Partial<Endpoint>, data: Datasets = {}) {
    const server = createHttpServer(echo)
    return serving(server, '127.0.0.1', async port => {
      const origin = `http://127.0.0.1:${port}`
      const users = createVirtualUsers({ origin, endpoints: [endpointOf(endpoint)], seed: 1 }, data)
      const { ask, connection } = createAsker(origin)
      const { text, isHead } = users.next(0).request
      const response = await ask(text, isHead)
      connection.close()
      if (typeof response === 'string') throw new Error(response)
      return {
        host: `127.0.0.1:${port}`,
        status: response.status,
        ...(response.body && JSON.parse(response.body)),
      }
    })
  }
  const endpointOf = (changes: Partial<Endpoint>): Endpoint => ({
    name: 'x',
    method: 'GET',
    path: '/',
    ...changes,
  })

  it('says where it goes, and that the connection is to be kept', async () => {
    const { host, headers, method, url } = await sent({ path: '/a?b=%20' })
    expect({ headers, method, url }).toEqual({
      headers: { host, connection: 'keep-alive' },
      method: 'GET',
      url: '/a?b=%20',
    })
  })

  it('has the length of its body in bytes, and JSON says that it is', async () => {
    const body = { name: '{{users.name}}' }
    const { headers, body: got } = await sent({ method: 'POST', body }, { users: [{ name: 'é"\n✓😀' }] })
    expect(JSON.parse(got)).toEqual({ name: 'é"\n✓😀' })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': `${Buffer.byteLength(got)}`,
    })
  })

  it('has the length 0 where it could have a body and has none', async () => {
    expect((await sent({ method: 'POST' })).headers['content-length']).toBe('0')
    expect((await sent({ method: 'DELETE' })).headers['content-length']).toBeUndefined()
  })

  it('takes the headers of the scenario for its own', async () => {
    const own = {
      Host: 'example.org',
      'Content-Type': 'a/b',
      CONNECTION: 'close',
      authorization: 'Bearer {{session.token}}',
    }
    const { headers } = await sent({ method: 'PUT', body: {}, headers: own }, { sessions: [{ token: 't' }] })
    expect(headers).toEqual({
      host: 'example.org',
      'content-type': 'a/b',
      connection: 'close',
      authorization: 'Bearer t',
      'content-length': '2',
    })
  })

  it('gets no body where it is a HEAD', async () => {
    expect(await sent({ method: 'HEAD' })).toMatchObject({ status: 200 })
  })

  it('cannot be given a second one by its data', async () => {
    const evil = 'x\r\n\r\nGET /evil HTTP/1.1\r\nhost: x\r\n\r\n'
    const { url } = await sent({ path: '/{{users.id}}' }, { users: [{ id: evil }] })
    expect(url).toBe(`/${encodeURIComponent(evil)}`)
    const headers = { 'x-a': '{{users.id}}' }
    await expect(sent({ headers }, { users: [{ id: evil }] })).rejects.toThrow(
      'the header x-a of x has a line break in it',
    )
  })

  it.for([
    [{ path: '/a b' }, 'the path of x must be percent-encoded'],
    [{ path: '/é' }, 'the path of x must be percent-encoded'],
    [{ headers: { 'x a': 'b' } }, 'x has a header without a valid name: "x a"'],
    [{ headers: { 'x-a': 'b\r\nc: d' } }, 'the header x-a of x has a line break in it'],
  ] as const)('is refused where it is none: %o', ([changes, reason]) => {
    const endpoints = [endpointOf(changes)]
    expect(() => createVirtualUsers({ origin: 'http://127.0.0.1', endpoints, seed: 1 }, {})).toThrow(reason)
  })

  it('has a counter that no other has', () => {
    const endpoints = [endpointOf({ path: '/{{counter}}' })]
    const users = createVirtualUsers({ origin: 'http://127.0.0.1', endpoints, seed: 1 }, {})
    const texts = Array.from({ length: 1000 }, (_, i) => users.next(i % 5).request.text)
    expect(new Set(texts).size).toBe(1000)
  })
})
