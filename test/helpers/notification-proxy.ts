/** A proxy in front of PostgreSQL that passes on everything but notifications, which it may drop or hold back. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** PostgreSQL's NotificationResponse. */
const NOTIFICATION = 'A'.charCodeAt(0)

/** What happens to the n-th notification: milliseconds that it is held back; undefined where it is dropped. */
type Fate = (count: number) => number | undefined

/** Listens on a free port and forwards to the server of `url`. The caller closes it. */
export async function startNotificationProxy(url: string, fate: Fate) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const timers = new Set<NodeJS.Timeout>()
  let count = 0

  function deliver(message: Buffer, client: Socket): void {
    if (message[0] !== NOTIFICATION) return void client.write(message)
    const delay = fate(count++)
    if (delay === undefined) return
    const timer = setTimeout(() => client.write(message), delay)
    timers.add(timer)
  }

  const server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
    }
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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: own.href,
    close(): void {
      for (const timer of timers) clearTimeout(timer)
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
