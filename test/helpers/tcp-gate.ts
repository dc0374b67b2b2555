/** A TCP proxy in front of a server, which a test can shut and open again. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Listens on a free port and forwards to the server of `url`; `url` of the gate is the same with its own address. */
export async function openGate(url: string) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isShut = false
  const server = createServer(client => {
    if (isShut) return void client.resetAndDestroy()
    const upstream = connect(Number(target.port), target.hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => sockets.delete(from))
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  /** Resets every connection, and those that come. */
  function shut(): void {
    isShut = true
    for (const socket of sockets) socket.resetAndDestroy()
  }

  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: own.href,
    shut,
    open: () => {
      isShut = false
    },
    close() {
      shut()
      server.close()
    },
  }
}
