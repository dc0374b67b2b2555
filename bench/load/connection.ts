/** One connection to an HTTP/1.x server, with at most one request under way; it is opened, and opened again, when it is needed. */
import { isIP, type Socket } from 'node:net'
import { reasonOf } from '../../harness/errors.ts'
import { addressOf, openSocket } from './address.ts'
import { now } from './clock.ts'
import { MalformedResponse } from './response-head.ts'
import { createResponseReader } from './response-reader.ts'

/**
 * Every load is sent through these. autocannon 9 is wrong about servers that close connections: it keeps the lost request
 * queued and sends another on the new connection, so each later response is paired with the start of an older request (p50
 * 42 ms where wrk measures 5.5), and no lost response is an error. undici's Client is right, and takes twice the CPU.
 *
 * Latency is as wrk has it: from the writing of a request on an open connection to the last byte of its response. The time
 * it takes to connect is not in it; connections are counted instead. A request is sent once: it is lost, and an error, when
 * the connection ends before the response is complete. When the server ends a connection that waits for nothing, nothing
 * is lost.
 */
export type Connection = {
  /** Writes the request, on a new connection where none is open. `onResponse` or `onLost` is called once for it. */
  send: (request: WireRequest) => void
  /** Loses a request that has waited longer than the timeout. `at` is the present, on the shared clock. */
  expire: (at: number) => void
  close: () => void
}

export type WireRequest = {
  text: string
  /** Whether the method is HEAD: the response has no body then. */
  isHead: boolean
}

export type HttpResponse = {
  status: number
  /** Empty where bodies are not wanted. */
  body: string
  /** When the request was written and when the last byte came, in ms of the shared clock. */
  sentAt: number
  endedAt: number
}

export type Hooks = {
  onResponse: (response: HttpResponse) => void
  /** `reason` is the same text for all losses of a kind. */
  onLost: (reason: string) => void
  /** `again`: it was open before, and the server or a loss has ended it. */
  onConnected?: (again: boolean) => void
}

export type ConnectionOptions = {
  origin: string
  /** Seconds that a request, or a connection, may take. */
  timeout: number
  wantsBody: boolean
}

/** One for all connections: what is in it is used before the next of them reads. */
const READ_BUFFER = Buffer.alloc(65_536)

/** Before the server closes an idle connection, by what it says of it, a new one is opened: at most so many seconds before. */
const LONGEST_MARGIN = 1

/** How often it is looked for requests that have waited too long. */
const EXPIRY_MS = 100

/** Has the requests of these connections expire in time, until the function that is returned is called. */
export function watchTimeouts(connections: readonly Pick<Connection, 'expire'>[]): () => void {
  const expireAll = (): void => {
    const at = now()
    for (const connection of connections) connection.expire(at)
  }
  // After the sockets have been read: what this process was too busy to read has come in time.
  const timer = setInterval(() => setImmediate(expireAll), EXPIRY_MS)
  return () => clearInterval(timer)
}

/** Returns a connection that is not open yet. */
export function createConnection(
  { origin, timeout, wantsBody }: ConnectionOptions,
  hooks: Hooks,
): Connection {
  const reader = createResponseReader(wantsBody)
  let address = addressOf(origin)
  let socket: Socket | undefined
  let isOpen = false
  let wasOpen = false
  let usableUntil = Number.POSITIVE_INFINITY
  /** What waits for the connection to open, or for its response. */
  let current: WireRequest | undefined
  let waitsSince = 0

  return {
    send(request) {
      current = request
      waitsSince = now()
      if (isOpen && waitsSince > usableUntil) drop()
      if (isOpen) write(request)
      else open()
    },
    expire(at) {
      if (!current || at - waitsSince <= timeout * 1000) return
      lose(`no ${isOpen ? 'response' : 'connection'} within ${timeout} s`)
    },
    close: drop,
  }

  function open(): void {
    const opened = openSocket(address, READ_BUFFER, length => isCurrent() && onBytes(length))
    const isCurrent = (): boolean => socket === opened
    socket = opened
    usableUntil = Number.POSITIVE_INFINITY
    opened.once(address.isSecure ? 'secureConnect' : 'connect', () => isCurrent() && onConnected(opened))
    opened.once('end', () => isCurrent() && onEnd())
    opened.once('close', () => isCurrent() && lose(reasonOfLoss('closed')))
    // It stays after `drop`: an error that nothing listens for would end the process.
    opened.on('error', error => isCurrent() && lose(reasonOfError(error)))
  }

  function onConnected(opened: Socket): void {
    isOpen = true
    // Of the addresses that a name has, later connections go to the one that responded, without another look-up.
    if (!isIP(address.host)) address = { ...address, host: opened.remoteAddress ?? address.host }
    hooks.onConnected?.(wasOpen)
    wasOpen = true
    if (current) write(current)
  }

  function write({ text, isHead }: WireRequest): void {
    reader.expect(isHead)
    waitsSince = now()
    socket?.write(text)
  }

  function onBytes(length: number): void {
    // As from a server that says 408 before it closes an idle connection.
    if (!current) drop()
    else if (isWhole(length)) complete()
  }

  /** Returns whether these bytes complete the response. What they break is lost. */
  function isWhole(length: number): boolean {
    try {
      const used = reader.read(READ_BUFFER, length)
      if (!reader.isComplete()) return false
      if (used < length) checkRest(READ_BUFFER.toString('latin1', used, length).trimStart())
      return true
    } catch (error) {
      if (!(error instanceof MalformedResponse)) throw error
      lose(`malformed response: ${error.message}`)
      return false
    }
  }

  /** Another response, as a 408, was not asked for and ends the connection. Other bytes mean that the length was wrong. */
  function checkRest(rest: string): void {
    if (rest.startsWith('HTTP/1.')) drop()
    else if (rest !== '') throw new MalformedResponse('bytes after its end')
  }

  function onEnd(): void {
    if (current && reader.end()) {
      drop()
      complete()
    } else {
      lose(reasonOfLoss('closed'))
    }
  }

  function complete(): void {
    const endedAt = now()
    const { status, keepsAlive, keepAliveSeconds } = reader.head()
    if (!keepsAlive) drop()
    if (keepAliveSeconds) {
      usableUntil = endedAt + (keepAliveSeconds - Math.min(LONGEST_MARGIN, keepAliveSeconds / 2)) * 1000
    }
    current = undefined
    hooks.onResponse({ status, body: wantsBody ? reader.body() : '', sentAt: waitsSince, endedAt })
  }

  function lose(reason: string): void {
    drop()
    if (!current) return
    current = undefined
    hooks.onLost(reason)
  }

  function drop(): void {
    socket?.destroy()
    socket = undefined
    isOpen = false
  }

  function reasonOfError(error: Error & { code?: string }): string {
    const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    return isOpen && isReset ? reasonOfLoss('reset') : reasonOf(error)
  }

  function reasonOfLoss(how: 'closed' | 'reset'): string {
    if (!isOpen) return `connection ${how} while it was opened`
    return `connection ${how} ${reader.hasBegun() ? 'within' : 'before'} the response`
  }
}
