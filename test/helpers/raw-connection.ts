/** A TCP connection that a test writes HTTP on by hand. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** Connects. The caller closes, or the server does. */
export async function openConnection(origin: string) {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.setEncoding('latin1').on('data', text => {
    received += text
  })
  // Reset or closed: both are an end.
  const closed = new Promise<void>(resolve =>
    socket.on('close', () => resolve()).on('error', () => resolve()),
  )
  await once(socket, 'connect')
  return {
    write: (text: string) => socket.write(text),
    /** Everything that came so far. */
    received: () => received,
    /** The status of every answer so far. */
    statuses: () => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)),
    closed,
    close: () => void socket.destroy(),
  }
}
