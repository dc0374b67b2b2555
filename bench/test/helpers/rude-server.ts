/** A server, in a process of its own, that closes connections and cuts responses as asked, and counts how often. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** How a whole response is framed. */
export type Framing = 'length' | 'chunked' | 'until close' | 'HTTP/1.0' | 'HTTP/1.0 keep-alive'

/** How a connection ends: with `connection: close` and FIN, or without a word. */
export type Ending = 'announced' | 'FIN' | 'half-closed' | 'RST'

/** What is left of a response that is cut: nothing at all, also for as long as the client waits, or a part. */
export type Cut = 'nothing' | 'half a head' | 'half a body' | 'silence'

export type Rudeness = {
  framing?: Framing
  /** Ends each connection after so many responses. */
  closeEvery?: number
  ending?: Ending
  /** Cuts one in so many responses, in the order of all requests, and ends the connection by `cutEnding`. */
  cutEvery?: number
  cut?: Cut
  cutEnding?: 'FIN' | 'RST'
  /** Milliseconds before each response. */
  delay?: number
  /** One in so many responses takes `slow` milliseconds instead. */
  slowEvery?: number
  slow?: number
}

export type Counts = {
  requests: number
  /** Whole responses. */
  answered: number
  cut: number
  /** Connections that were ended after a whole response. */
  closed: number
  /** Requests that came on a connection that the server had half closed. */
  tooLate: number
  connections: number
}

const never = Number.POSITIVE_INFINITY
const BODY = JSON.stringify({ hello: 'x'.repeat(100) })

export type RudeServer = {
  /** Not yet listening. */
  server: Server
  counts: Counts
  /** Ends all connections, with a 408 as some servers do when one is idle for too long; resolves when they are closed. */
  endIdle: () => Promise<void>
}

export function createRudeServer(rudeness: Rudeness): RudeServer {
  const counts: Counts = { requests: 0, answered: 0, cut: 0, closed: 0, tooLate: 0, connections: 0 }
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    counts.connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, rudeness, counts)
  })
  return {
    server,
    counts,
    async endIdle() {
      const timeout = 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'
      const closed = [...sockets].map(socket => once(socket.end(timeout), 'close'))
      await Promise.all(closed)
    },
  }
}

function serve(socket: Socket, rudeness: Rudeness, counts: Counts): void {
  const { closeEvery = never, cutEvery = never, delay = 0, slowEvery = never, slow = 0 } = rudeness
  let answered = 0
  let hasEnded = false
  let text = ''
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      text = text.slice(end + 4)
      if (hasEnded) counts.tooLate++
      else take()
    }
  })

  function take(): void {
    const isSlow = ++counts.requests % slowEvery === 0
    const ms = isSlow ? slow : delay
    const isCut = counts.requests % cutEvery === 0
    if (ms > 0) setTimeout(respond, ms, isCut)
    else respond(isCut)
  }

  function respond(isCut: boolean): void {
    if (isCut) cut()
    else answer()
  }

  function answer(): void {
    counts.answered++
    const isLast = ++answered % closeEvery === 0
    const { framing = 'length', ending = 'announced' } = rudeness
    const isAnnounced = isLast && ending === 'announced'
    const response = responseOf(framing, isAnnounced)
    if (!isLast && framing !== 'until close' && framing !== 'HTTP/1.0') {
      socket.write(response)
      return
    }
    counts.closed++
    hasEnded = true
    socket.write(response, () => end(ending))
  }

  function cut(): void {
    counts.cut++
    if (rudeness.cut === 'silence') return
    hasEnded = true
    const response = responseOf(rudeness.framing ?? 'length', false)
    const part = { nothing: 0, 'half a head': 30, 'half a body': response.length - 20 }[
      rudeness.cut ?? 'nothing'
    ]
    if (part === 0) end(rudeness.cutEnding ?? 'FIN')
    else socket.write(response.slice(0, part), () => end(rudeness.cutEnding ?? 'FIN'))
  }

  function end(ending: Ending): void {
    if (ending === 'RST') socket.resetAndDestroy()
    else if (ending === 'half-closed') socket.end()
    else socket.end(() => socket.destroy())
  }
}

function responseOf(framing: Framing, isLast: boolean): string {
  const version = framing.startsWith('HTTP/1.0') ? 'HTTP/1.0' : 'HTTP/1.1'
  const head = `${version} 200 OK\r\ncontent-type: application/json\r\n`
  const connection = isLast ? 'connection: close\r\n' : ''
  if (framing === 'until close') return `${head}\r\n${BODY}`
  if (framing === 'chunked') {
    const half = BODY.length / 2
    const chunks = [BODY.slice(0, half), BODY.slice(half), ''].map(
      chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
    )
    return `${head}${connection}transfer-encoding: chunked\r\n\r\n${chunks.join('')}`
  }
  const kept = framing === 'HTTP/1.0 keep-alive' && !isLast ? 'connection: keep-alive\r\n' : connection
  return `${head}${kept}content-length: ${BODY.length}\r\n\r\n${BODY}`
}
