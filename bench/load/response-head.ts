/** Reads from the head of an HTTP/1.x response where its body ends, and whether its connection takes another request. */

/** What a server sent is not a response that HTTP/1.x allows; the message says why. */
export class MalformedResponse extends Error {}

export type Head = {
  status: number
  /** How its body ends: after a number of bytes, after the last chunk, or with the connection. */
  framing: 'length' | 'chunked' | 'close'
  contentLength: number
  /** Whether the server takes another request on this connection. */
  keepsAlive: boolean
  /** Seconds for which the server keeps the connection while it is idle, where it says so. */
  keepAliveSeconds: number | undefined
  /** Where in the text the head ends. */
  end: number
}

const STATUS_LINE = /HTTP\/1\.(\d) (\d{3})(?=[ \r\n])/y

/**
 * The end of a head, or one of the four headers that matter: the others are most of the bytes and are passed over. As RFC
 * 9112 has it for clients, a line may end with LF alone, and a header may be folded over several lines.
 */
const END_OR_FIELD =
  /\n(?:\r?\n|(content-length|transfer-encoding|connection|keep-alive)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*))/gi

const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)\s*keep-alive\s*(?:,|$)/i
const LAST_IS_CHUNKED = /(?:^|,)\s*chunked\s*$/i
/** The same length several times is one length (RFC 9112, section 6.3). */
const LENGTH = /^\s*(\d{1,15})\s*(?:,\s*\1\s*)*$/
const TIMEOUT = /(?:^|[\s,])timeout\s*=\s*(\d{1,9})/i

const LF = 10
const CR = 13

/** Returns the head that begins at `from`, or undefined while its end has not come. Throws a MalformedResponse. */
export function readHead(text: string, from: number): Head | undefined {
  let at = from
  while (text.charCodeAt(at) === CR || text.charCodeAt(at) === LF) at++
  if (!text.includes('\n', at)) return undefined
  STATUS_LINE.lastIndex = at
  const statusLine = STATUS_LINE.exec(text)
  if (!statusLine) throw new MalformedResponse('no HTTP/1.x status line')
  const fields = new Map<string, string>()
  END_OR_FIELD.lastIndex = STATUS_LINE.lastIndex
  for (;;) {
    const match = END_OR_FIELD.exec(text)
    if (!match) return undefined
    const [, field, value = ''] = match
    if (field === undefined) return interpret(statusLine, fields, END_OR_FIELD.lastIndex)
    const name = field.toLowerCase()
    const earlier = fields.get(name)
    // Fields of the same name are one list (RFC 9110, section 5.3).
    fields.set(name, earlier === undefined ? value : `${earlier},${value}`)
  }
}

function interpret([, minor, status]: RegExpExecArray, fields: Map<string, string>, end: number): Head {
  const length = fields.get('content-length')
  const coding = fields.get('transfer-encoding')
  const connection = fields.get('connection') ?? ''
  if (length !== undefined && coding !== undefined) {
    throw new MalformedResponse('both content-length and transfer-encoding')
  }
  return {
    status: Number(status),
    framing: framingOf(length, coding),
    contentLength: length === undefined ? 0 : parseLength(length),
    // HTTP/1.1 keeps a connection unless it says "close", HTTP/1.0 only if it says "keep-alive" (RFC 9112, section 9.3).
    // After 101 it speaks another protocol.
    keepsAlive: status !== '101' && !CLOSE.test(connection) && (minor !== '0' || KEEP_ALIVE.test(connection)),
    keepAliveSeconds: parseTimeout(fields.get('keep-alive')),
    end,
  }
}

/** RFC 9112, section 6.3: a body that has neither a length nor chunks ends with the connection. */
function framingOf(length: string | undefined, coding: string | undefined): Head['framing'] {
  if (length !== undefined) return 'length'
  return coding !== undefined && LAST_IS_CHUNKED.test(coding) ? 'chunked' : 'close'
}

function parseLength(value: string): number {
  const [, length] = LENGTH.exec(value) ?? []
  if (length === undefined) throw new MalformedResponse(`content-length "${value.trim()}"`)
  return Number(length)
}

function parseTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const [, seconds] = TIMEOUT.exec(value) ?? []
  return seconds === undefined ? undefined : Number(seconds)
}
