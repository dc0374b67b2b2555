/** The least code that can send requests: it measures the server and this machine, and little of its own. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../../stats/summary.ts'

/** Returns the median response time in ms of `count` requests, one after the other, with pauses like those of a slow load. */
export async function medianOfBareSocket(origin: string, count: number): Promise<number> {
  const { hostname, port, host } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const sentAt = performance.now()
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    await once(socket, 'data')
    times.push(performance.now() - sentAt)
    await sleep(1)
  }
  socket.destroy()
  return median(times)
}
