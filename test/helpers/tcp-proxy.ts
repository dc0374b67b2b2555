/** TCP proxies in front of a server that fail on purpose: they cut connections, lose a response, or hold back messages. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** PostgreSQL's NotificationResponse. */
const NOTIFICATION = 'A'.charCodeAt(0)

/** Listens on a free port, and calls `forward` with each client and its connection to the server of `url`. */
async function startProxy(url: string, forward: (client: Socket, upstream: Socket) => void) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isShut = false
  const server = createServer(client => {
    if (isShut) return void client.resetAndDestroy()
    const upstream = connect(Number(target.port), target.hostname)
    const pairs = [
      [client, upstream],
      [upstream, client],
    ] as const
    for (const [from, to] of pairs) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    forward(client, upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`

  /** Resets every connection, and every new one. */
  function shut(): void {
    isShut = true
    for (const socket of sockets) socket.resetAndDestroy()
  }

  return {
    /** The given URL with the address of the proxy. */
    url: own.href,
    shut,
    open: () => {
      isShut = false
    },
    close: () => {
      shut()
      server.close()
    },
  }
}

/** Starts a proxy that a test can shut and open again. */
export function openGate(url: string) {
  return startProxy(url, (client, upstream) => {
    client.pipe(upstream)
    upstream.pipe(client)
  })
}

/**
 * Starts a proxy that passes on a request and loses the response: it resets the client's connection when the response
 * comes. `lostResponse` resolves with the body.
 */
export async function startLossyProxy(origin: string) {
  const { promise: lostResponse, resolve } = Promise.withResolvers<string>()
  const proxy = await startProxy(origin, (client, upstream) => {
    client.pipe(upstream)
    let text = ''
    upstream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const [head = '', body = ''] = text.split('\r\n\r\n')
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1])
      if (Buffer.byteLength(body) < length) return
      resolve(body)
      client.resetAndDestroy()
    })
  })
  return { origin: new URL(proxy.url).origin, lostResponse, close: proxy.close }
}

/** Returns for how many milliseconds the n-th notification is held back; undefined where it is dropped. */
type Delay = (count: number) => number | undefined

/** Starts a proxy in front of PostgreSQL that passes on everything, and drops or holds back notifications. */
export async function startNotificationProxy(url: string, delayOf: Delay) {
  const timers = new Set<NodeJS.Timeout>()
  let count = 0

  function deliver(message: Buffer, client: Socket): void {
    if (message[0] !== NOTIFICATION) return void client.write(message)
    const delay = delayOf(count++)
    if (delay !== undefined) timers.add(setTimeout(() => client.write(message), delay))
  }

  const proxy = await startProxy(url, (client, upstream) => {
    client.pipe(upstream)
    let rest = Buffer.alloc(0)
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
        const length = 1 + rest.readInt32BE(1)
        deliver(rest.subarray(0, length), client)
        rest = rest.subarray(length)
      }
    })
  })
  return {
    url: proxy.url,
    close(): void {
      for (const timer of timers) clearTimeout(timer)
      proxy.close()
    },
  }
}
