/** The process behind `target.ts`: what it does with a request is its first argument. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

export type Behaviour = 'trivial' | 'five-ms' | 'freezing' | 'failing' | 'chained' | 'two-speeds'

const TRIVIAL_RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')

const behaviours: Record<Behaviour, () => Server> = {
  trivial: createTrivialServer,
  'five-ms': () => createExactServer(5),
  freezing: () => createServer(createFreezingListener()),
  failing: () => createServer((_request, response) => response.writeHead(500).end()),
  chained: () => createServer(createChainedListener()),
  'two-speeds': () => createServer(respondByPath),
}

const server = behaviours[process.argv[2] as Behaviour]()
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})

/** The least that is HTTP: what costs here is the generator. */
function createTrivialServer(): Server {
  return createTcpServer((socket: Socket) => {
    socket.setNoDelay(true)
    socket.on('data', () => socket.write(TRIVIAL_RESPONSE))
    socket.on('error', () => {})
  })
}

/**
 * Asleep, then busy for the last bit: a timer would be up to a millisecond late, and who is busy all the time is sent to
 * the back of the queue for a CPU. Bare, because a server framework would add its own time.
 * One request at a time, or they would wait for each other.
 */
function createExactServer(ms: number): Server {
  const bed = new Int32Array(new SharedArrayBuffer(4))
  return createTcpServer((socket: Socket) => {
    socket.setNoDelay(true)
    socket.on('data', () => {
      const until = performance.now() + ms
      Atomics.wait(bed, 0, 0, ms - 0.3)
      while (performance.now() < until);
      socket.write(TRIVIAL_RESPONSE)
    })
    socket.on('error', () => {})
  })
}

/** 2 ms per response; from 4.5 s after the first request on, nothing at all for 1 s. */
function createFreezingListener(): RequestListener {
  let isArmed = false
  return (_request, response) => {
    if (!isArmed) {
      isArmed = true
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000), 4500)
    }
    setTimeout(() => response.end('ok'), 2)
  }
}

/** Hands out tokens that are good once; 403 for any other. */
function createChainedListener(): RequestListener {
  const valid = new Set(['first-0', 'first-1', 'first-2', 'first-3'])
  let issued = 0
  return async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { token } = JSON.parse(body) as { token: string }
    if (!valid.delete(token)) return response.writeHead(403).end('{}')
    const next = `token-${++issued}`
    valid.add(next)
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ next: { token: next } }))
  }
}

function respondByPath(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.startsWith('/slow')) setTimeout(() => response.end('slow'), 30)
  else if (request.url?.startsWith('/gone')) response.writeHead(404).end()
  else response.end('fast')
}
