/** HTTP as bytes over a TCP connection: requests that no client library sends, and responses as they are on the wire. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type RawResponse = { status: number; headers: Record<string, string>; body: string }

type Step = string | Buffer | number

/**
 * Opens a connection, sends the steps (a number is a pause in milliseconds), and returns the responses that came until the
 * server closed it. Rejects where that takes longer than `within`.
 */
export async function exchange(
  port: number,
  steps: Step[],
  { within = 10_000 } = {},
): Promise<RawResponse[]> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  const ended = Promise.race([once(socket, 'close'), once(socket, 'error')])
  const late = sleep(within, 'late', { ref: false })
  await send(socket, steps)
  const outcome = await Promise.race([ended, late])
  socket.destroy()
  if (outcome === 'late')
    throw new Error(`still open after ${within} ms, having got: ${Buffer.concat(chunks)}`)
  return parseResponses(Buffer.concat(chunks).toString('latin1'))
}

async function send(socket: Socket, steps: Step[]): Promise<void> {
  for (const step of steps) {
    if (typeof step === 'number') await sleep(step)
    // The server may have closed the connection: its response shows why.
    else if (socket.writable) socket.write(step)
  }
}

/** Parses responses, each with the length of its Content-Length; those to HEAD and 204 have no body. */
function parseResponses(text: string): RawResponse[] {
  if (text === '') return []
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  if (end === -1 || !statusLine.startsWith('HTTP/1.1 ')) throw new Error(`not a response: ${text}`)
  const headers = Object.fromEntries(
    lines.map(line => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const bodyStart = end + 4
  const bodyEnd = bodyStart + Number(headers['content-length'] ?? 0)
  const body = Buffer.from(text.slice(bodyStart, bodyEnd), 'latin1').toString()
  return [{ status: Number(statusLine.split(' ')[1]), headers, body }, ...parseResponses(text.slice(bodyEnd))]
}

/** Opens a connection. The caller or the server closes it. */
export async function openConnection(origin: string) {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.setEncoding('latin1').on('data', text => {
    received += text
  })
  // A reset ends the connection too.
  const closed = new Promise<void>(resolve =>
    socket.on('close', () => resolve()).on('error', () => resolve()),
  )
  await once(socket, 'connect')
  return {
    write: (text: string) => socket.write(text),
    /** Everything that was received so far. */
    received: () => received,
    /** The status of every response so far. */
    statuses: () => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)),
    closed,
    close: () => void socket.destroy(),
  }
}
