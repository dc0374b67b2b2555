/** Little's law: a closed loop never has more requests under way than connections. A figure that says otherwise is void. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import autocannon from 'autocannon'
import { describe, expect, it } from 'vitest'
import { now } from '../load/clock.ts'
import { judge } from '../load/closed.ts'
import { createRecorder, type Recorder } from '../load/recorder.ts'
import { createRudeServer } from './helpers/rude-server.ts'

const endpoints = [{ name: 'GET /', method: 'GET', path: '/' }]

/** Returns a recorder whose window saw `count` responses, evenly, each of which took so many windows. */
async function recorded(count: number, windows: number): Promise<Recorder> {
  const recorder = createRecorder(endpoints)
  const openedAt = now()
  recorder.open(openedAt)
  while (now() < openedAt + 20) await new Promise(resolve => setImmediate(resolve))
  const ms = now() - openedAt
  for (let i = 1; i <= count; i++) recorder.response(0, 200, windows * ms, openedAt + (i * ms) / count)
  recorder.shut()
  return recorder
}

const reasonOf = (recorder: Recorder, connections: number): string =>
  judge(recorder, { connections }).void ?? ''

describe("Little's law", () => {
  it('voids more requests at once than there are connections, with the numbers', async () => {
    const recorder = await recorded(1000, 0.1)
    // A tenth of the window each: 100 at once, less those that began before it and the time that recording them took.
    const concurrency = recorder.concurrency()
    expect(concurrency).toBeGreaterThan(10)
    expect(reasonOf(recorder, Math.floor(concurrency / 1.15))).toMatch(
      /^\d+\/s of \d+\.\d{3} ms each are \d+\.\d requests at once, and \d+ connections carry one each: the latencies are wrong/,
    )
    expect(reasonOf(recorder, Math.ceil(concurrency / 1.05))).not.toContain('Little')
  })

  it('lets a short window of long requests be, most of which began before it', async () => {
    // 10 connections, and all that they carry has its response within a window of a tenth of its time.
    const recorder = await recorded(10, 10)
    const { rate, seconds } = recorder.finish()
    expect(rate * seconds * 10).toBeGreaterThan(9 * 10)
    expect(reasonOf(recorder, 10)).not.toContain('Little')
  })

  it('voids what autocannon says of a server that closes connections without a word', async () => {
    const { server } = createRudeServer({ closeEvery: 5, ending: 'FIN', delay: 1 })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const connections = 5
    const recorder = createRecorder(endpoints)
    const load = autocannon({ url: `http://127.0.0.1:${port}`, connections, duration: 1 }, () => {})
    load.on('response', (_client, status, _bytes, ms) => recorder.response(0, status, ms, now()))
    recorder.open()
    await once(load, 'done')
    recorder.shut()
    server.close()
    expect(reasonOf(recorder, connections)).toContain("the latencies are wrong (Little's law)")
  })
})
