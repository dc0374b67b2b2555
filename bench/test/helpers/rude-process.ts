/** Starts a rude server in a process of its own, and is that process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Counts, createRudeServer, type Rudeness } from './rude-server.ts'

const file = fileURLToPath(import.meta.url)

export type RudeProcess = {
  pid: number | undefined
  origin: string
  /** Returns what it has counted so far. */
  counts: () => Promise<Counts>
  stop: () => Promise<void>
}

/** Returns a running server; `stop` ends it. */
export async function startRudeProcess(rudeness: Rudeness): Promise<RudeProcess> {
  const child = fork(file, [JSON.stringify(rudeness)], { execArgv: [] })
  const [port] = await once(child, 'message')
  return {
    pid: child.pid,
    origin: `http://127.0.0.1:${port}`,
    async counts() {
      const answered = once(child, 'message')
      child.send('counts')
      const [counts]: Counts[] = await answered
      if (!counts) throw new Error('the server sent no counts')
      return counts
    },
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

if (process.argv[1] === file) {
  const { server, counts } = createRudeServer(JSON.parse(process.argv[2] ?? '{}') as Rudeness)
  process.on('disconnect', () => process.exit())
  process.on('message', () => process.send?.(counts))
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.(typeof address === 'object' ? address?.port : undefined)
  })
}
