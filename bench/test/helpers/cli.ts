/** Runs the bench's command line in a process with a temporary folder of its own, to find what it leaves behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../cli.ts', import.meta.url))

/** Makes the folder; the caller removes it. */
export function createCli() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-cli-'))

  function start(...args: string[]) {
    const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, TMPDIR: folder } })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', text => {
        output[name] += text
      })
    }
    return {
      child,
      output,
      ended: once(child, 'close').then(([code]) => ({ code: Number(code), ...output })),
    }
  }

  return {
    folder,
    /** Starts it and returns at once. */
    start,
    /** Runs it to its end. */
    run: (...args: string[]) => start(...args).ended,
    remove: () => rmSync(folder, { recursive: true }),
  }
}
