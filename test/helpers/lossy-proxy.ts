/** A TCP proxy that lets a request through and the answer not. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/**
 * Listens on a free port and forwards to `origin`. When the answer comes, it cuts the client's connection instead of
 * passing it on, and keeps the text: `lostAnswer` resolves to the body.
 */
export async function startLossyProxy(origin: string) {
  const { hostname, port } = new URL(origin)
  const { promise: lostAnswer, resolve } = Promise.withResolvers<string>()
  const server = createServer(client => {
    const upstream = connect(Number(port), hostname)
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy())
    let text = ''
    upstream.setEncoding('utf8').on('data', (chunk: string) => {
      client.resetAndDestroy()
      text += chunk
      const [head = '', body = ''] = text.split('\r\n\r\n')
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1])
      if (Buffer.byteLength(body) < length) return
      resolve(body)
      upstream.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lostAnswer,
    close: () => server.close(),
  }
}
