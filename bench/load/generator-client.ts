/** Starts the load generator in a process of its own and gives it work. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { RunError } from '../../harness/errors.ts'
import type { Measurement } from '../result/schema.ts'
import type { ClosedJob, FromGenerator, Job, PreflightJob, Sample, ToGenerator } from './protocol.ts'
import type { Datasets } from './template.ts'

export type RunHooks = {
  onOpen?: () => void
  onShut?: () => void
  signal?: AbortSignal
}

export type Turns = {
  /** Returns, in the order of the jobs, what each loop did in so many seconds of its own. */
  run: (seconds: number) => Promise<Measurement[]>
  close: () => Promise<void>
}

export type Generator = Awaited<ReturnType<typeof startGenerator>>

/** Returns a generator that is ready for jobs; its methods reject with a RunError when the load could not be made. */
export async function startGenerator() {
  const child = fork(new URL('./generator.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  await Promise.race([once(child, 'message'), exited])
  if (!child.connected) throw new RunError('the load generator did not start')
  const { tell, ask } = createConversation(child)

  async function askUntilStopped(message: ToGenerator, hooks: RunHooks): Promise<FromGenerator> {
    const stop = (): void => tell({ type: 'stop' })
    hooks.signal?.addEventListener('abort', stop)
    try {
      const answered = ask(message, hooks)
      if (hooks.signal?.aborted) stop()
      return await answered
    } finally {
      hooks.signal?.removeEventListener('abort', stop)
    }
  }

  return {
    pid: child.pid,

    /** Sends the data that jobs with this key are filled from. */
    setData(key: string, data: Datasets): void {
      tell({ type: 'data', key, data })
    },

    /** Returns what one request to each endpoint brought. */
    async preflight(job: PreflightJob): Promise<Sample[]> {
      const response = await ask({ type: 'preflight', job })
      return response.type === 'samples' ? response.samples : []
    },

    /** Makes one load and returns what it measured; an aborted signal cuts it short. */
    async run(job: Job, hooks: RunHooks = {}): Promise<Measurement> {
      const response = await askUntilStopped({ type: 'run', job }, hooks)
      if (response.type !== 'done') throw new RunError('the load generator gave no figures')
      return response.measurement
    },

    /** Opens closed loops that take turns, and warms them up. An aborted signal cuts short what they do. */
    async openTurns(jobs: ClosedJob[], signal: AbortSignal): Promise<Turns> {
      const askForTurns = async (message: ToGenerator): Promise<Measurement[]> => {
        const response = await askUntilStopped(message, { signal })
        if (response.type !== 'turns') throw new RunError('the load generator gave no figures')
        return response.measurements
      }
      await askForTurns({ type: 'open-turns', jobs })
      return {
        run: seconds => askForTurns({ type: 'run-turns', seconds }),
        close: async () => void (await askForTurns({ type: 'close-turns' })),
      }
    },

    async stop(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.disconnect()
      await exited
    },
  }
}

function createConversation(child: ChildProcess) {
  return { tell, ask }

  function tell(message: ToGenerator): void {
    if (child.connected) child.send(message)
  }

  /** Resolves with the message that ends a job. */
  function ask(message: ToGenerator, hooks: RunHooks = {}): Promise<FromGenerator> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        child.off('message', onMessage)
        child.off('exit', onExit)
        act()
      }
      const onExit = (): void => settle(() => reject(new RunError('the load generator died')))
      const onMessage = (response: FromGenerator): void => {
        if (response.type === 'open') hooks.onOpen?.()
        else if (response.type === 'shut') hooks.onShut?.()
        else if (response.type === 'failed') settle(() => reject(new RunError(response.message)))
        else settle(() => resolve(response))
      }
      child.on('message', onMessage)
      child.on('exit', onExit)
      if (child.connected) child.send(message)
      else onExit()
    })
  }
}
