/** The bytes that the kernel holds for a client are found by its connection, for IPv4, IPv6 and mapped addresses. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readSendQueues } from '../../src/http/send-queues.ts'
import { until } from '../helpers/until.ts'

/** More than the buffers of both sides hold at first, and less than their maximum. */
const BYTES = 1_000_000

/** Both ends of a connection, of which the client reads nothing yet. */
async function openPair(listen: string, to: string): Promise<{ server: Socket; client: Socket }> {
  const listener = createServer().listen(0, listen)
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const client = connect((listener.address() as { port: number }).port, to)
  client.pause()
  const [server] = await accepted
  onTestFinished(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return { server, client }
}

describe('bytes that wait in the kernel', () => {
  it.each([
    { kind: 'IPv4', listen: '127.0.0.1', to: '127.0.0.1' },
    { kind: 'IPv6', listen: '::1', to: '::1' },
    { kind: 'IPv4 on a listener for both', listen: '::', to: '127.0.0.1' },
  ])('are those that the client has not taken: $kind', async ({ listen, to }) => {
    const [busy, idle] = await Promise.all([openPair(listen, to), openPair(listen, to)])
    busy.server.write(Buffer.alloc(BYTES))
    const waiting = (await readSendQueues())(busy.server) + busy.server.writableLength
    expect(waiting).toBeGreaterThan(0)
    expect(waiting).toBeLessThanOrEqual(BYTES)
    expect((await readSendQueues())(idle.server)).toBe(0)
    busy.client.resume()
    await until('all is taken', async () => (await readSendQueues())(busy.server) === 0)
  })
})
