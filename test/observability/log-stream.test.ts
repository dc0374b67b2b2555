/** The log stream: every line is written whole and in order, at once at the end of the process, soon while it is idle. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { SERVICE_ID } from '../../src/config/service-name.ts'
import { createLogStream, type Loss } from '../../src/observability/log-stream.ts'
import { until } from '../helpers/until.ts'

const MODULE = new URL('../../src/observability/log-stream.ts', import.meta.url).href

let folder: string
let file: string
const written = () => readFile(file, 'utf8')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), `${SERVICE_ID}-log-`))
  file = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true }))

/** A stream to a file, and what it reported as lost. */
function open({ isShared = false, path = file } = {}) {
  const losses: Loss[] = []
  const fd = openSync(path, 'a')
  onTestFinished(() => closeSync(fd))
  return { ...createLogStream({ isShared, fd, onLoss: loss => losses.push(loss) }), losses }
}

/** Lines of many lengths, some of more bytes than characters. */
function makeLines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index} ${'é€😀'.repeat(index % 100)}\n`)
}

it.each([true, false])('writes every line, in order, where the pipe is shared: %s', async isShared => {
  const stream = open({ isShared })
  const lines = makeLines(2000)
  for (const line of lines) stream.write(line)
  await expect.poll(written).toBe(lines.join(''))
})

it('writes a line that no other line follows', async () => {
  const stream = open()
  stream.write('alone\n')
  await expect.poll(written).toBe('alone\n')
})

it('has written everything, in order, after settle and finish', async () => {
  const stream = open()
  const lines = makeLines(500)
  for (const line of lines) stream.write(line)
  await stream.settle()
  stream.write('last\n')
  stream.finish()
  expect(await written()).toBe(`${lines.join('')}last\n`)
})

describe('a process that ends', () => {
  /** Starts a process that writes and settles with `body`, and then ends as the service does. */
  function start(body: string) {
    const script = `
      import { pbkdf2 } from 'node:crypto'
      const { createLogStream } = await import('${MODULE}')
      const stream = createLogStream({ isShared: false })
      process.on('exit', stream.finish)
      ${body}
      await stream.settle()
      stream.write('last\\n')
      process.exit(0)`
    return spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  it('writes its last lines while all of its threads are busy', async () => {
    const child = start(`
      for (let i = 0; i < 8; i++) pbkdf2('', '', 100_000, 64, 'sha512', () => {})
      stream.write('first\\n')`)
    expect(await text(child.stdout)).toBe('first\nlast\n')
  })

  it('P41: ends within a second, in order, where its reader has stopped', async () => {
    const child = start(`for (let i = 0; i < 10_000; i++) stream.write('x'.repeat(99) + '\\n')`)
    child.stdout.pause()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('P41: ends where its reader has ended', async () => {
    const child = start(`for (let i = 0; i < 10_000; i++) stream.write('x'.repeat(99) + '\\n')`)
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe.skipIf(!existsSync('/dev/full'))('P41: a device that is full', () => {
  it('loses the lines, counts them, and throws nothing', async () => {
    const stream = open({ path: '/dev/full' })
    for (const line of makeLines(1000)) stream.write(line)
    await stream.settle()
    expect(stream.dropped()).toBe(1000)
    stream.write('last\n')
    stream.finish()
    expect(stream.losses).toEqual([])
  })
})

/** Runs `script` in a process with a stream to a file that can have `kilobytes`; returns its output. */
async function withFileLimit(kilobytes: number, script: string): Promise<string> {
  const code = `
    import { openSync, statSync, truncateSync, readFileSync } from 'node:fs'
    const { createLogStream } = await import('${MODULE}')
    const file = ${JSON.stringify(file)}
    const losses = []
    const stream = createLogStream({ isShared: false, fd: openSync(file, 'a'), onLoss: loss => losses.push(loss) })
    ${script}`
  // Its coverage would be cut as well.
  const shell = `unset NODE_V8_COVERAGE; ulimit -f ${kilobytes}; exec "$0" --input-type=module --eval "$1"`
  // bash counts in KiB; dash, which may be sh, in blocks of 512 bytes.
  const child = spawn('bash', ['-c', shell, process.execPath, code], { stdio: ['ignore', 'pipe', 'inherit'] })
  return text(child.stdout)
}

it('P41: loses no complete line at a limit, ends a line that was cut, and reports how many were lost', async () => {
  const output = await withFileLimit(
    64,
    `const number = index => JSON.stringify({ index, pad: 'é'.repeat(index % 90) }) + '\\n'
    for (let i = 0; i < 2000; i++) stream.write(number(i))
    await stream.settle()
    const full = { bytes: statSync(file).size, text: readFileSync(file, 'utf8') }
    const droppedWhileFull = stream.dropped()
    const silent = losses.length === 0
    truncateSync(file, 30_000)
    stream.write(number(2000))
    await stream.settle()
    stream.write(number(2001))
    await stream.settle()
    console.log(JSON.stringify({ full, droppedWhileFull, silent, losses, after: readFileSync(file, 'utf8') }))
    process.exit(0)`,
  )
  const { full, droppedWhileFull, silent, losses, after } = JSON.parse(output)
  expect(full.bytes).toBe(65_536)
  const whole = full.text.split('\n').length - 1
  expect({ droppedWhileFull, silent }).toEqual({ droppedWhileFull: 2000 - whole, silent: true })
  expect(losses).toEqual([{ lines: 2000 - whole, code: 'EFBIG' }])
  const tail = after.split('\n').slice(-4)
  expect(() => JSON.parse(tail[0])).toThrow()
  expect(tail.slice(1, 3).map((line: string) => JSON.parse(line).index)).toEqual([2000, 2001])
})

it('P41: drops and counts lines while a reader has stopped, and continues with whole lines when it reads again', async () => {
  const fifo = join(folder, 'fifo')
  await promisify(execFile)('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
  const losses: Loss[] = []
  const stream = createLogStream({ isShared: false, fd, onLoss: loss => losses.push(loss) })
  const count = 50_000
  const line = (index: number) => `${index} ${'x'.repeat(500)}\n`
  for (let index = 0; index < count; index++) stream.write(line(index))
  await expect.poll(stream.dropped).toBeGreaterThan(0)
  let output = ''
  const socket = new Socket({ fd: reader, writable: false }).setEncoding('utf8')
  socket.on('data', part => {
    output += part
  })
  await until('the loss is reported', () => losses.length > 0, 20_000)
  stream.write('last\n')
  await until('all is read', () => output.endsWith('\nlast\n'), 20_000)
  const lines = output.split('\n').slice(0, -2)
  expect(losses).toEqual([{ lines: stream.dropped(), code: undefined }])
  expect(lines.length + stream.dropped()).toBe(count)
  const numbers = lines.map(text => Number(text.slice(0, -501)))
  expect(lines.every((text, index) => `${text}\n` === line(numbers[index] as number))).toBe(true)
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  socket.destroy()
  closeSync(fd)
})

it('P41: continues where the reader of a pipe has ended and another comes', async () => {
  const fifo = join(folder, 'fifo')
  await promisify(execFile)('mkfifo', [fifo])
  const first = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const stream = open({ path: fifo })
  closeSync(first)
  stream.write('lost\n')
  await stream.settle()
  expect(stream.dropped()).toBe(1)
  const second = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  stream.write('kept\n')
  await stream.settle()
  const buffer = Buffer.alloc(100)
  expect(buffer.toString('utf8', 0, attemptRead(second, buffer))).toBe('kept\n')
  await expect.poll(() => stream.losses, { timeout: 5000 }).toEqual([{ lines: 1, code: 'EPIPE' }])
  closeSync(second)
})

/** How many bytes were read; none where the pipe is empty. */
function attemptRead(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

it('writes a line that is longer than a write', async () => {
  const stream = open({ isShared: true })
  const long = `${'x'.repeat(20_000)}\n`
  for (const line of ['before\n', long, 'after\n']) stream.write(line)
  await expect.poll(written).toBe(`before\n${long}after\n`)
})
