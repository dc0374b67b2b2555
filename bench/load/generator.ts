/** The process that makes the load: takes jobs from its parent, one at a time, and dies with it. */
import { runClosed } from './closed.ts'
import { runOpen } from './open.ts'
import { preflight } from './preflight.ts'
import type { FromGenerator, Job, PreflightJob, ToGenerator } from './protocol.ts'
import { warmUp } from './self-warm.ts'
import type { Datasets } from './template.ts'
import { openTurns, type Turns } from './turns.ts'

const datasets = new Map<string, Datasets>()
let current: AbortController | undefined
let turns: Turns | undefined

// Ctrl-C reaches every process of the terminal; the parent decides what is still worth finishing.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (message: ToGenerator) => {
  if (message.type === 'data') datasets.set(message.key, message.data)
  else if (message.type === 'stop') current?.abort()
  else if (message.type === 'preflight') void respondWith(() => sample(message.job))
  else if (message.type === 'run') void respondWith(() => load(message.job))
  else void respondWith(() => takeTurns(message))
})
await warmUp()
tell({ type: 'ready' })

async function sample(job: PreflightJob): Promise<FromGenerator> {
  return { type: 'samples', samples: await preflight(job, datasets.get(job.dataKey) ?? {}) }
}

async function load(job: Job): Promise<FromGenerator> {
  current = new AbortController()
  const hooks = {
    onOpen: () => tell({ type: 'open' }),
    onShut: () => tell({ type: 'shut' }),
    signal: current.signal,
  }
  const data = datasets.get(job.dataKey) ?? {}
  const measurement = await (job.mode === 'closed' ? runClosed(job, data, hooks) : runOpen(job, data, hooks))
  return { type: 'done', measurement }
}

async function takeTurns(message: Extract<ToGenerator, { type: `${string}-turns` }>): Promise<FromGenerator> {
  current = new AbortController()
  const { signal } = current
  if (message.type === 'run-turns') {
    if (!turns) throw new Error('no loops are open')
    return { type: 'turns', measurements: await turns.run(message.seconds, signal) }
  }
  await turns?.close()
  turns = undefined
  if (message.type === 'open-turns') {
    turns = await openTurns(message.jobs, key => datasets.get(key) ?? {}, signal)
  }
  return { type: 'turns', measurements: [] }
}

async function respondWith(work: () => Promise<FromGenerator>): Promise<void> {
  try {
    tell(await work())
  } catch (error) {
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
  }
}

function tell(message: FromGenerator): void {
  process.send?.(message)
}
