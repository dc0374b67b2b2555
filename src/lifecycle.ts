/** How the process ends: on a signal or an unforeseen error, once, in order, and in bounded time. */

type Reason = { exitCode: 0 | 1; what: string; error?: unknown }

type Options = {
  /** Told why the process ends, before it does. */
  onEnd: (reason: Reason) => void
}

/** A second Ctrl-C within this time is the first one again: npm passes on what the terminal has sent to all. */
const ECHO_MS = 1000

export type Lifecycle = ReturnType<typeof createLifecycle>

/**
 * Takes over signals and unforeseen errors. The first of them ends the process: what `start` was doing is awaited,
 * then everything that was handed to `onClose` is closed, latest first, then the process exits: with 0 after a
 * signal, with 1 after an error or after `timeout`. Later signals change nothing, but a second Ctrl-C, which means
 * that a person will not wait.
 */
export function createLifecycle({ onEnd }: Options) {
  const closers: (() => Promise<unknown>)[] = []
  let started: Promise<unknown> = Promise.resolve()
  let timeout = 20_000
  let endedAt: number | undefined

  async function end(reason: Reason): Promise<void> {
    if (endedAt !== undefined) return
    endedAt = Date.now()
    onEnd(reason)
    setTimeout(() => process.exit(1), timeout).unref()
    let { exitCode } = reason
    await started.catch(() => {
      // Whoever called `start` has it too.
    })
    for (const close of closers.reverse()) {
      await close().catch(error => {
        exitCode = 1
        onEnd({ exitCode, what: 'closing failed', error })
      })
    }
    process.exit(exitCode)
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGINT' && endedAt !== undefined && Date.now() - endedAt > ECHO_MS) process.exit(1)
      end({ exitCode: 0, what: signal })
    })
  }
  process.on('uncaughtException', error => end({ exitCode: 1, what: 'uncaught exception', error }))
  process.on('unhandledRejection', error => end({ exitCode: 1, what: 'unhandled rejection', error }))

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
