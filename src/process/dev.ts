/** `npm run dev`: runs the service, and restarts it when a file in src/ changes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { watchParent } from './parent.ts'

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
const SERVER = join(SOURCES, 'server.ts')

/** An editor or a checkout writes several files one after the other: they cause one restart. */
const SETTLE_MS = 100

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

let service: ChildProcess | undefined
let isEnding = false
let wake = () => {}

const args = watchParent(process.argv.slice(2), () => end('SIGHUP'))
for (const signal of SIGNALS) process.on(signal, () => end(signal))
watch(SOURCES, { recursive: true }, () => wake()).on('error', ({ message }) => {
  say(`Cannot watch all of src/ (${message}): some changes may need a restart by hand.`)
})
process.exit(await run())

/** Passes a signal on. The service drains, and this process ends after it. */
function end(signal: NodeJS.Signals): void {
  isEnding = true
  service?.kill(signal)
  wake()
}

/** Runs the service until a signal ends it, and returns its exit code. */
async function run(): Promise<number> {
  let isWelcomed = false
  for (;;) {
    const change = nextChange()
    service = start(isWelcomed)
    service.once('message', () => {
      isWelcomed = true
    })
    const exited = once(service, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const hasChanged = await Promise.race([change.then(() => true), exited.then(() => false)])
    if (hasChanged && !isEnding) {
      say('A file in src/ has changed: restarting.')
      service.kill('SIGTERM')
    }
    const [code, signal] = await exited
    service = undefined
    // By itself the service ends only with an error. Otherwise it got a signal, which was for this process too.
    const isStopped = !hasChanged && (code === 0 || SIGNALS.some(name => name === signal))
    if (isEnding || isStopped) return code ?? 0
    if (!hasChanged) {
      say(`The service ended (${signal ?? code}). It starts again when a file in src/ changes.`)
      await change
      if (isEnding) return 0
    }
  }
}

function start(isWelcomed: boolean): ChildProcess {
  const flags = [`--parent=${process.pid}`, ...(isWelcomed ? ['--again'] : []), ...args]
  return spawn(process.execPath, [...process.execArgv, SERVER, ...flags], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
}

/** Resolves after the next change, when no other one follows for a moment, or at the end. */
async function nextChange(): Promise<void> {
  await new Promise<void>(resolve => {
    wake = resolve
  })
  for (let isQuiet = false; !isQuiet && !isEnding; ) {
    const another = new Promise<false>(resolve => {
      wake = () => resolve(false)
    })
    isQuiet = await Promise.race([sleep(SETTLE_MS, true), another])
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
