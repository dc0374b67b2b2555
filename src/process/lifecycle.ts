/** How the process ends: on a signal or an unforeseen error, once, in order, and in bounded time. */

type Reason = { exitCode: 0 | 1; what: string; error?: unknown }

type Options = {
  /** Told why the process ends, before it does, and of every error on the way. */
  onEnd: (reason: Reason) => void
  /** What signals and unforeseen errors are heard from: this process unless given. */
  host?: Pick<NodeJS.Process, 'on' | 'exit'>
}

/** A second Ctrl-C within this time is the first one again: npm passes on what the terminal has sent to all. */
const ECHO_MS = 1000

export type Lifecycle = ReturnType<typeof createLifecycle>

/**
 * Takes over signals and unforeseen errors. The first of them ends the process: what `start` was doing is awaited,
 * then everything that was handed to `onClose` is closed, latest first, then the process exits: with 0 after a
 * signal, with 1 where there was an error, before or on the way, and after `timeout`. Later signals change nothing,
 * but a second Ctrl-C, which means that a person will not wait.
 */
export function createLifecycle({ onEnd, host = process }: Options) {
  const closers: (() => Promise<unknown>)[] = []
  let started: Promise<unknown> = Promise.resolve()
  let timeout = 20_000
  let endedAt: number | undefined
  let exitCode: 0 | 1 = 0

  function report(reason: Reason): void {
    if (reason.exitCode === 1) exitCode = 1
    try {
      onEnd(reason)
    } catch {
      // What cannot be written down must not keep the process from ending.
      exitCode = 1
    }
  }

  async function end(reason: Reason): Promise<void> {
    if (endedAt !== undefined) {
      if (reason.exitCode === 1) report(reason)
      return
    }
    endedAt = performance.now()
    report(reason)
    setTimeout(giveUp, timeout).unref()
    await started.catch(() => {
      // Whoever called `start` has it too.
    })
    for (const close of closers.reverse()) {
      await close().catch(error => report({ exitCode: 1, what: 'closing failed', error }))
    }
    host.exit(exitCode)
  }

  function giveUp(): void {
    report({ exitCode: 1, what: 'shutdown timed out', error: new Error(`not closed in ${timeout} ms`) })
    host.exit(1)
  }

  // The second is that of a terminal that is closed.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    host.on(signal, () => end({ exitCode: 0, what: signal }))
  }
  host.on('SIGINT', () => {
    if (endedAt !== undefined && performance.now() - endedAt > ECHO_MS) host.exit(1)
    end({ exitCode: 0, what: 'SIGINT' })
  })
  host.on('uncaughtException', error => end({ exitCode: 1, what: 'uncaught exception', error }))
  host.on('unhandledRejection', error => end({ exitCode: 1, what: 'unhandled rejection', error }))

  return {
    /** Runs the start; a signal that comes meanwhile waits for it. Rejects as `work` does. */
    start<T>(work: () => Promise<T>): Promise<T> {
      const running = work()
      started = running
      return running
    },
    /** Closes this before what was opened earlier. */
    onClose: (close: () => Promise<unknown>): void => void closers.push(close),
    /** Milliseconds that the end may take. */
    limit: (milliseconds: number): void => {
      timeout = milliseconds
    },
    /** Whether the end has begun. */
    isEnding: (): boolean => endedAt !== undefined,
    end,
  }
}
