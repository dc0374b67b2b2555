/** Gathered log lines: all of them arrive, whole and in order, at once where the process ends, and soon where it idles. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogStream } from '../../src/lib/log-stream.ts'

let folder: string
let file: string
const written = () => readFile(file, 'utf8')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-log-'))
  file = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true }))

/** Lines of many lengths, some of more bytes than characters. */
function makeLines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index} ${'é€😀'.repeat(index % 100)}\n`)
}

it.each([true, false])('writes every line, in order, where the pipe is shared: %s', async isShared => {
  const stream = createLogStream({ isShared, dest: file })
  const lines = makeLines(2000)
  for (const line of lines) stream.write(line)
  await expect.poll(written).toBe(lines.join(''))
})

it('writes a line that nobody follows', async () => {
  const stream = createLogStream({ isShared: false, dest: file })
  stream.write('alone\n')
  await expect.poll(written).toBe('alone\n')
})

it('has written everything, in order, once it has settled and is flushed', async () => {
  const stream = createLogStream({ isShared: false, dest: file })
  const lines = makeLines(500)
  for (const line of lines) stream.write(line)
  await stream.settle()
  stream.write('last\n')
  stream.flushSync()
  expect(await written()).toBe(`${lines.join('')}last\n`)
})

describe('a process that ends', () => {
  const MODULE = new URL('../../src/lib/log-stream.ts', import.meta.url).href

  /** Starts a process that writes and settles with `body`, and then ends as the service does. */
  function start(body: string) {
    const script = `
      import { pbkdf2 } from 'node:crypto'
      const { createLogStream } = await import('${MODULE}')
      const stream = createLogStream({ isShared: false })
      process.on('exit', () => stream.flushSync())
      ${body}
      await stream.settle()
      stream.write('last\\n')
      process.exit(0)`
    return spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  it('writes its last lines though all of its threads are busy', async () => {
    const child = start(`
      for (let i = 0; i < 8; i++) pbkdf2('', '', 100_000, 64, 'sha512', () => {})
      stream.write('first\\n')`)
    expect(await text(child.stdout)).toBe('first\nlast\n')
  })

  it('ends in a second where its reader has stopped', async () => {
    const child = start(`for (let i = 0; i < 10_000; i++) stream.write('x'.repeat(99) + '\\n')`)
    child.stdout.pause()
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  })

  it('ends where its reader has gone', async () => {
    const child = start(`for (let i = 0; i < 10_000; i++) stream.write('x'.repeat(99) + '\\n')`)
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

it('writes a line that is longer than a write', async () => {
  const stream = createLogStream({ isShared: true, dest: file })
  const long = `${'x'.repeat(20_000)}\n`
  for (const line of ['before\n', long, 'after\n']) stream.write(line)
  await expect.poll(written).toBe(`before\n${long}after\n`)
})
