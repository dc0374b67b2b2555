/** Accepts the traces that a service exports, and drops them: in production it exports, so it does when it is measured. */
import { once } from 'node:events'
import { createServer } from 'node:http'

export type TraceSink = {
  url: string
  close: () => void
}

/** Returns the sink, listening on a free port. */
export async function startTraceSink(): Promise<TraceSink> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the trace sink has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
