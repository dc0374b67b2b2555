/** Gathered log lines: all of them arrive, whole and in order, at once where the process ends, and soon where it idles. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
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

it('has written everything when a flush returns', async () => {
  const stream = createLogStream({ isShared: false, dest: file })
  // The file is opened in its own time; nothing can be written before.
  stream.write('first\n')
  await expect.poll(written).toBe('first\n')
  const lines = makeLines(500)
  for (const line of lines) stream.write(line)
  stream.flushSync()
  expect(await written()).toBe(`first\n${lines.join('')}`)
})

it('writes a line that is longer than a write', async () => {
  const stream = createLogStream({ isShared: true, dest: file })
  const long = `${'x'.repeat(20_000)}\n`
  for (const line of ['before\n', long, 'after\n']) stream.write(line)
  await expect.poll(written).toBe(`before\n${long}after\n`)
})
