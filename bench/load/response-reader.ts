/** Reads HTTP/1.x responses from the bytes of a connection, one at a time (RFC 9112, sections 4 to 7). */
import { type Head, MalformedResponse, readHead } from './response-head.ts'

/** Beyond any server's: Node.js itself reads up to 16 KiB of headers. */
const LONGEST_HEAD = 65_536
const LONGEST_LINE = 16_384

const LF = 10

/** What comes next. */
type Part = 'head' | 'body' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'nothing'

export type ResponseReader = ReturnType<typeof createResponseReader>

/** Returns a reader of one connection; it keeps the bodies where `wantsBody` says so. */
export function createResponseReader(wantsBody: boolean) {
  let part: Part = 'nothing'
  let isToHead = false
  let hasBegun = false
  let head: Head | undefined
  /** What earlier reads brought of the head, or of a line between chunks. */
  let text = ''
  /** How many bytes are to come of the body, or of the chunk. Infinity where the connection ends it. */
  let left = 0
  let body: Buffer[] = []

  return {
    /** Begins the next response. One to a HEAD request has no body, also where its headers name one. */
    expect(toHeadRequest: boolean): void {
      part = 'head'
      isToHead = toHeadRequest
      hasBegun = false
      text = ''
      if (wantsBody) body = []
    },

    /** Takes the first `length` bytes; returns how many of them belong to this response. Throws a MalformedResponse. */
    read(bytes: Buffer, length: number): number {
      hasBegun = true
      let at = part === 'head' ? takeHead(bytes, length) : 0
      while (at < length && part !== 'nothing') {
        at = part === 'body' || part === 'chunk' ? takeBody(bytes, at, length) : takeLine(bytes, at, length)
      }
      return at
    },

    /** The server has ended the connection. Returns whether that completes the response. */
    end(): boolean {
      if (part !== 'body' || left !== Number.POSITIVE_INFINITY) return false
      part = 'nothing'
      return true
    },

    isComplete: () => part === 'nothing',
    /** Whether a byte of it has come. */
    hasBegun: () => hasBegun,
    /** Of the response that is complete. */
    head(): Head {
      if (!head) throw new Error('no response is complete')
      return head
    },
    body: () => Buffer.concat(body).toString(),
  }

  /** Returns how many bytes of this read belong to the head, and to interim responses (1xx) before it. */
  function takeHead(bytes: Buffer, length: number): number {
    const earlier = text.length
    text += bytes.toString('latin1', 0, length)
    let at = 0
    for (;;) {
      head = readHead(text, at)
      if (!head) break
      at = head.end
      if (head.status >= 200 || head.status === 101) {
        text = ''
        beginBody(head)
        return at - earlier
      }
    }
    text = text.slice(at)
    if (text.length > LONGEST_HEAD) throw new MalformedResponse('a head of more than 64 KiB')
    return length
  }

  function beginBody({ status, framing, contentLength }: Head): void {
    left = framing === 'close' ? Number.POSITIVE_INFINITY : contentLength
    if (isToHead || status === 101 || status === 204 || status === 304) part = 'nothing'
    else if (framing === 'chunked') part = 'chunk size'
    else part = left > 0 ? 'body' : 'nothing'
  }

  function takeBody(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + left)
    // A copy: the next read writes over the buffer.
    if (wantsBody) body.push(Buffer.from(bytes.subarray(at, end)))
    left -= end - at
    if (left === 0) part = part === 'chunk' ? 'chunk end' : 'nothing'
    return end
  }

  /** Takes what stands between chunks, a line at a time. */
  function takeLine(bytes: Buffer, at: number, length: number): number {
    const lf = bytes.indexOf(LF, at)
    const isWhole = lf !== -1 && lf < length
    text += bytes.toString('latin1', at, isWhole ? lf : length)
    if (text.length > LONGEST_LINE) throw new MalformedResponse('a line of more than 16 KiB between chunks')
    if (!isWhole) return length
    const line = text.endsWith('\r') ? text.slice(0, -1) : text
    text = ''
    if (part === 'chunk size') beginChunk(line)
    else if (line === '') part = part === 'trailer' ? 'nothing' : 'chunk size'
    else if (part === 'chunk end') throw new MalformedResponse('a chunk that is longer than its size')
    return lf + 1
  }

  function beginChunk(line: string): void {
    const [, digits] = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? []
    if (digits === undefined) throw new MalformedResponse('a chunk without a size')
    left = Number.parseInt(digits, 16)
    part = left === 0 ? 'trailer' : 'chunk'
  }
}
