/** Connections that ask once and then do nothing, as those of most users at any moment. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** How many are opened at once: fewer than wait in the queue of a listener. */
const BATCH = 100

/** Holds `count` connections to `path` of the origin, each of which has had its response, while `work` runs; returns its result. */
export async function withIdleConnections<T>(
  { origin, path, count }: { origin: string; path: string; count: number },
  work: () => Promise<T>,
): Promise<T> {
  const sockets: Socket[] = []
  try {
    while (sockets.length < count) {
      const size = Math.min(BATCH, count - sockets.length)
      sockets.push(...(await Promise.all(Array.from({ length: size }, () => openIdle(origin, path)))))
    }
    return await work()
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function openIdle(origin: string, path: string): Promise<Socket> {
  const { hostname, port, host } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  await once(socket, 'data')
  // The server may close it meanwhile, which is for `work` to notice, and must not end this process.
  socket.on('error', () => {})
  return socket
}
