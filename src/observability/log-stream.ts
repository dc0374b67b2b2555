/** Writes log lines to standard output: many at once, never in part, and without making requests wait. */
import { constants, openSync, writeSync, write as writeTo } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Bytes that are written at once: a write takes 20 µs of CPU, with one line or thirty. */
const LARGEST_WRITE = 12_288

/** The same where several workers share a pipe: Linux may split a write that is larger than PIPE_BUF. */
const LARGEST_SHARED_WRITE = 4096

/** Longest time that a line waits for others, in milliseconds. */
const GATHER_MS = 100

/** Longest time that the end of the process waits for a reader that reads nothing, in milliseconds. */
const READER_MS = 1000

/** The same for a thread that writes: it may have password hashes to do first, or a disk that does not respond. */
const THREAD_MS = 5000

/** How often the end checks whether it should stop waiting, in milliseconds. */
const LOOK_MS = 50

/** Longest time that the last lines of a process wait for a full pipe, in milliseconds. */
const FINISH_MS = 200

/** Bytes that wait for a reader that has stopped. Further lines are dropped, to save memory. */
const BACKLOG = 16_777_216

/** Pauses before a full pipe is tried again, in milliseconds: the first, and the longest after doubling. */
const FIRST_RETRY_MS = 1
const LONGEST_RETRY_MS = 100

/** Least time between two reports of lost lines, in milliseconds. */
const REPORT_MS = 1000

/** Errors of a full pipe, and others that pass. With any other error, the lines of the write are lost. */
const PASSING = new Set(['EAGAIN', 'EBUSY', 'EINTR'])

const NEWLINE = 0x0a

/** Lines that could not be written, and the code of the last error; no code where the reader was too slow. */
export type Loss = { lines: number; code: string | undefined }

export type LogStream = {
  write: (line: string) => void
  /** Starts to write the lines so far at once. */
  flush: () => void
  /** Resolves when all lines so far are written or lost, or the reader or the disk has stopped. */
  settle: () => Promise<void>
  /** Writes the lines since `settle` before it returns, where that is possible: for the end of the process. */
  finish: () => void
  /** Returns how many lines are lost so far. */
  dropped: () => number
}

type Options = {
  /** Whether other processes write to the same pipe. */
  isShared: boolean
  /** The descriptor to write to. */
  fd?: number
  /** Receives the lost lines when lines can be written again. */
  onLoss?: (loss: Loss) => void
}

/**
 * A stream of lines that never throws and never blocks. Where a write fails, its lines are dropped and counted, and the next
 * lines are still written. Where a pipe is full, lines wait for its reader, up to a limit.
 *
 * The threads of libuv write, since a disk may block. A pipe has to be in non-blocking mode: a blocked thread would be
 * missing for password hashes, and would keep the process from exiting. Node.js sets this mode when `process.stdout` is
 * first used, and unsets it when the process exits.
 */
export function createLogStream({
  isShared,
  fd = descriptorOf(process.stdout),
  onLoss = () => {},
}: Options): LogStream {
  const largest = isShared ? LARGEST_SHARED_WRITE : LARGEST_WRITE
  const output = createOutput(fd)
  let lines = ''
  let bytes = 0

  function flush(): void {
    if (bytes === 0) return
    output.push(Buffer.from(lines))
    lines = ''
    bytes = 0
  }

  function report(): void {
    const loss = output.takeLoss()
    if (loss) onLoss(loss)
  }

  setInterval(flush, GATHER_MS).unref()
  setInterval(report, REPORT_MS).unref()
  return {
    write(line) {
      const length = Buffer.byteLength(line)
      if (bytes + length > largest) flush()
      lines += line
      bytes += length
    },
    flush,
    async settle() {
      report()
      flush()
      const since = performance.now()
      while (!output.isIdle() && !output.isStuck(since)) await Promise.race([output.idle(), sleep(LOOK_MS)])
    },
    finish() {
      flush()
      output.finish()
    },
    dropped: output.dropped,
  }
}

/**
 * Returns the descriptor to write to. For a terminal it is a new one in non-blocking mode, since a stopped terminal (Ctrl-S)
 * blocks: the given one is shared with the shell, and Node.js does not change its mode. Where a new one cannot be opened,
 * as after su, it is the given one.
 */
function descriptorOf({ fd, isTTY }: { fd: number; isTTY?: boolean }): number {
  if (isTTY !== true) return fd
  try {
    return openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return fd
  }
}

/** Writes chunks of whole lines to a descriptor, one after the other. */
function createOutput(fd: number) {
  const queue: Buffer[] = []
  let queued = 0
  /** The chunk that is being written, and how many of its bytes are. */
  let chunk: Buffer | undefined
  let written = 0
  /** Bytes at the start of the chunk that end a line which was cut. */
  let head = 0
  /** The time since which a thread is writing; undefined while none is. */
  let since: number | undefined
  let retry: NodeJS.Timeout | undefined
  let pause = FIRST_RETRY_MS
  let progressAt = performance.now()
  /** Whether the output ends within a line. */
  let isCut = false
  let lost = 0
  let reported = 0
  let code: string | undefined
  let isWell = true
  let onIdle = () => {}

  function push(more: Buffer): void {
    if (queued + more.length > BACKLOG) {
      lose(more)
      return
    }
    queue.push(more)
    queued += more.length
    if (chunk === undefined) next()
  }

  function next(): void {
    chunk = takeNext()
    if (chunk) start(chunk)
    else onIdle()
  }

  function takeNext(): Buffer | undefined {
    const first = queue.shift()
    if (first === undefined) return undefined
    queued -= first.length
    written = 0
    head = isCut ? 1 : 0
    return isCut ? Buffer.concat([Buffer.of(NEWLINE), first]) : first
  }

  function start(current: Buffer): void {
    retry = undefined
    since = performance.now()
    writeTo(fd, current, written, current.length - written, null, (error, count) => {
      since = undefined
      // `finish` has written the last lines of the process.
      if (chunk !== current) return
      if (error) fail(current, error)
      else if (advance(current, count)) next()
      else start(current)
    })
  }

  function isThreadStuck(): boolean {
    return since !== undefined && performance.now() - since > THREAD_MS
  }

  /** Records written bytes, and returns whether the chunk is complete. */
  function advance(current: Buffer, count: number): boolean {
    pause = FIRST_RETRY_MS
    progressAt = performance.now()
    written += count
    isCut = written > 0 && current[written - 1] !== NEWLINE
    const isDone = written === current.length
    if (isDone) isWell = true
    return isDone
  }

  function fail(current: Buffer, error: NodeJS.ErrnoException): void {
    if (PASSING.has(error.code ?? '')) {
      retry = setTimeout(start, pause, current)
      pause = Math.min(pause * 2, LONGEST_RETRY_MS)
      return
    }
    code = error.code
    lose(current.subarray(Math.max(written, head)))
    next()
  }

  function lose(part: Buffer): void {
    isWell = false
    for (const byte of part) if (byte === NEWLINE) lost++
  }

  /** Writes the rest without the threads, and stops where that is not possible at once. */
  function finish(): void {
    // Node.js waits for its threads when it exits: a thread that is blocked by a disk would keep it from exiting.
    if (isThreadStuck()) process.kill(process.pid, 'SIGKILL')
    clearTimeout(retry)
    const deadline = performance.now() + FINISH_MS
    // The chunk of a thread is not written twice.
    let current = since === undefined && chunk ? chunk : takeNext()
    chunk = undefined
    while (current && tryWrite(current, deadline)) current = takeNext()
  }

  function tryWrite(current: Buffer, deadline: number): boolean {
    try {
      while (!advance(current, writeSync(fd, current, written))) {}
      return true
    } catch (error) {
      if (!PASSING.has((error as NodeJS.ErrnoException).code ?? '') || performance.now() > deadline)
        return false
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
      return tryWrite(current, deadline)
    }
  }

  return {
    push,
    finish,
    isIdle: () => chunk === undefined,
    /** Resolves when everything is written. */
    idle: () =>
      new Promise<void>(resolve => {
        onIdle = resolve
      }),
    /** Returns whether a pipe was full, or a thread busy, for too long. The wait began at `waitingSince`. */
    isStuck(waitingSince: number): boolean {
      if (since !== undefined) return isThreadStuck()
      return performance.now() - Math.max(progressAt, waitingSince) > READER_MS
    },
    dropped: () => lost,
    /** Returns the lines that were lost since the last call, when lines can be written again; else undefined. */
    takeLoss(): Loss | undefined {
      if (!isWell || lost === reported) return undefined
      const loss = { lines: lost - reported, code }
      reported = lost
      code = undefined
      return loss
    },
  }
}
