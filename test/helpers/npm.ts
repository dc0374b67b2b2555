/** Runs npm scripts as processes of their own, and finds the processes that are left of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readlink } from 'node:fs/promises'
import { inheritedEnvironment } from '../../harness/environment.ts'
import type { Environment } from '../../src/config/config.ts'
import { readText } from '../../src/db/embedded-process.ts'

export type Script = ReturnType<typeof runScript>

/** Runs `npm run <script>` in a folder, with the npm that runs the tests, in a process group of its own. */
export function runScript(folder: string, script: string, environment: Environment = {}) {
  const { npm_execpath: npm } = process.env
  const [command, ...first] = npm?.endsWith('.js') ? ['node', npm] : ['npm']
  const child = spawn(command ?? 'npm', [...first, 'run', '--silent', script], {
    cwd: folder,
    // npm's own messages and requests are not those of the script.
    env: {
      ...inheritedEnvironment(),
      HOME: folder,
      npm_config_logs_max: '0',
      npm_config_update_notifier: 'false',
      PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  return { pid: child.pid as number, exited, output: () => output }
}

/** Returns the processes that run in a folder or below, by their command lines, without zombies. */
export async function processesIn(folder: string): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  for (const pid of (await readdir('/proc')).map(Number).filter(id => id > 0)) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (cwd !== folder && !cwd.startsWith(`${folder}/`)) continue
    found.set(pid, (await readText(`/proc/${pid}/cmdline`)).replaceAll('\0', ' '))
  }
  return found
}

/** Kills these processes. */
export async function killAllIn(folder: string): Promise<void> {
  for (let pids = await processesIn(folder); pids.size > 0; pids = await processesIn(folder)) {
    for (const pid of pids.keys()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
