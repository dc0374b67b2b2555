/** Starting a process, watching it and stopping it. */
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../test/helpers/until.ts'
import { hasEnded, type ProcessOptions, startProcess } from '../process.ts'

/** Responds until it is asked to end; says where it listens, as Fastify does. */
const SERVER = `
  import { createServer } from 'node:http'
  const server = createServer((request, response) => {
    if (request.url !== '/end') return response.end()
    process.stderr.write('the last words', () => process.exit(3))
  })
  server.listen(process.env.PORT, '127.0.0.1', () => {
    console.log('{"msg":"Server listening at http://127.0.0.1:' + server.address().port + '"}')
  })`

const IDLE = 'setInterval(() => {}, 1000); console.log("starting"); console.error("no database")'

async function start(code: string, options: Partial<ProcessOptions> = {}) {
  const process = await startProcess({
    name: 'the server',
    args: ['--input-type=module', '--eval', code],
    cwd: import.meta.dirname,
    environment: {},
    ...options,
  })
  onTestFinished(process.stop)
  return process
}

it('reads the address from the log, or chooses the port and asks until it responds', async () => {
  const lines: string[] = []
  const logging = await start(SERVER, { environment: { PORT: '0' }, onOutput: line => lines.push(line) })
  const polled = await start(SERVER, { readyPath: '/' })
  for (const { origin } of [logging, polled]) expect((await fetch(origin)).status).toBe(200)
  expect(lines).toEqual([`{"msg":"Server listening at ${logging.origin}"}`])
})

it('reads the address from a message', async () => {
  const { origin } = await start(`process.send({ origin: 'http://127.0.0.1:1' }); ${IDLE}`, {
    messages: true,
  })
  expect(origin).toBe('http://127.0.0.1:1')
})

it('reports how a process ended by itself, and its last output', async () => {
  const process = await start(SERVER, { readyPath: '/' })
  expect(process.describeEnd()).toBeUndefined()
  await expect(fetch(`${process.origin}/end`)).rejects.toThrow()
  await until('it has ended', () => process.describeEnd() !== undefined)
  expect(process.describeEnd()).toBe('the server ended (3): the last words')
  expect(await process.exited).toEqual({ code: 3, signal: null })
})

it('quotes a process that ends, or is not ready in time', async () => {
  await expect(start(`console.log('on port 1'); throw new Error('no database')`)).rejects.toThrow(
    /^the server did not start: exited with 1: [\s\S]*no database[\s\S]*\non port 1$/,
  )
  // On a busy machine Node.js takes a second and more to write its first line.
  await expect(start(IDLE, { startTimeoutMs: 5000 })).rejects.toThrow(
    'the server did not start: not ready after 5 s: no database\nstarting',
  )
  await expect(start(IDLE, { startTimeoutMs: 500, readyPath: '/' })).rejects.toThrow('not ready after 0.5 s')
  await expect(start('', { cwd: '/no/such/folder' })).rejects.toThrow(/did not start: .*ENOENT/)
})

it('ends what it started when it is interrupted', async () => {
  const interruption = new AbortController()
  const pids: number[] = []
  const started = start(`console.log(process.pid); ${IDLE}`, {
    onOutput: line => {
      if (/^\d+$/.test(line)) pids.push(Number(line))
      else interruption.abort()
    },
    signal: interruption.signal,
  })
  await expect(started).rejects.toThrow('interrupted')
  expect(pids).toHaveLength(1)
  expect(() => process.kill(pids[0] ?? 0, 0)).toThrow(/ESRCH/)
})

it('stops a process that ignores SIGTERM', { timeout: 30_000 }, async () => {
  const stubborn = await start(`process.on('SIGTERM', () => {}); ${SERVER}`, { readyPath: '/' })
  await stubborn.stop()
  expect(hasEnded(stubborn.child)).toBe(true)
  expect(await stubborn.exited).toEqual({ code: null, signal: 'SIGKILL' })
})
