/** Ends the process on a signal or an unexpected error: once, in order, and within a time limit. */

type Reason = { exitCode: 0 | 1; what: string; error?: unknown }

type Options = {
  /** Receives the reason before the process ends, and every error while it ends. */
  onEnd: (reason: Reason) => void
  /** The source of signals and unexpected errors: this process unless given. */
  host?: Pick<NodeJS.Process, 'on' | 'exit'>
}

/** A second Ctrl-C within this time is the same one: npm passes on what the terminal has sent to all processes. */
const ECHO_MS = 1000

export type Lifecycle = ReturnType<typeof createLifecycle>

/**
 * Handles signals and unexpected errors. The first one ends the process: it waits for `start`, calls what was given to
 * `onClose`, latest first, and exits. The exit code is 0 after a signal, and 1 after an error at any time and after the time
 * limit. Later signals are ignored, except a second Ctrl-C, which exits at once.
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
      // An error that cannot be reported must not keep the process from ending.
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
      // The caller of `start` gets this error.
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

  // SIGHUP is the signal of a terminal that is closed.
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
    /** Runs the start. A signal that comes meanwhile waits for it. Rejects as `work` does. */
    start<T>(work: () => Promise<T>): Promise<T> {
      const running = work()
      started = running
      return running
    },
    /** Adds what has to be closed, before what was added earlier. */
    onClose: (close: () => Promise<unknown>): void => void closers.push(close),
    /** Sets how many milliseconds the end may take. */
    limit: (milliseconds: number): void => {
      timeout = milliseconds
    },
    /** Returns whether the end has begun. */
    isEnding: (): boolean => endedAt !== undefined,
    end,
  }
}
