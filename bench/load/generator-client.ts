/** Starts the load generator in a process of its own and gives it work. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { RunError } from '../errors.ts'
import type { Measurement } from '../result/schema.ts'
import type { FromGenerator, Job, ToGenerator } from './protocol.ts'
import type { Datasets } from './template.ts'

export interface RunHooks {
  onOpen?: () => void
  onShut?: () => void
  signal?: AbortSignal
}

export type Generator = Awaited<ReturnType<typeof startGenerator>>

/** Returns a generator that is ready for jobs. `run` rejects with a RunError when the load could not be made. */
export async function startGenerator() {
  const child = fork(new URL('./generator.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  await Promise.race([once(child, 'message'), exited])

  return {
    pid: child.pid,

    /** Sends the data that jobs with this key are filled from. */
    setData(key: string, data: Datasets): void {
      tell({ type: 'data', key, data })
    },

    run(job: Job, hooks: RunHooks = {}): Promise<Measurement> {
      return new Promise((resolve, reject) => {
        const stop = (): void => tell({ type: 'stop' })
        const settle = (): void => {
          child.off('message', onMessage)
          child.off('exit', onExit)
          hooks.signal?.removeEventListener('abort', stop)
        }
        const onExit = (): void => {
          settle()
          reject(new RunError('the load generator died'))
        }
        const onMessage = (message: FromGenerator): void => {
          if (message.type === 'open') hooks.onOpen?.()
          if (message.type === 'shut') hooks.onShut?.()
          if (message.type === 'done' || message.type === 'failed') settle()
          if (message.type === 'done') resolve(message.measurement)
          if (message.type === 'failed') reject(new RunError(message.message))
        }
        child.on('message', onMessage)
        child.on('exit', onExit)
        hooks.signal?.addEventListener('abort', stop)
        tell({ type: 'run', job })
        if (hooks.signal?.aborted) stop()
      })
    },

    async stop(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.disconnect()
      await exited
    },
  }

  function tell(message: ToGenerator): void {
    child.send(message)
  }
}
