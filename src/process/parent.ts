/** Detects that the parent process has ended: a killed one passes on no signal. */

import { readFileSync } from 'node:fs'

/** How often the parent is checked, in milliseconds. A check takes a microsecond. */
const POLL_MS = 200

/** The first process of the system: it becomes the parent of orphans. In a container it may be npm itself. */
const INIT = 1

/** The npm scripts append this option, with the id of the process that runs them. */
const OPTION = '--parent='

/**
 * Returns the arguments without `--parent=<pid>`. Where that option is given, calls `onGone` when this process gets another
 * parent: npm ends by SIGHUP and `kill -9` without a signal to its children. Without the option, the process outlives its
 * parent, as under nohup, Docker or systemd. The id comes from the shell: npm may have ended before Node.js can ask for it.
 * On Windows, where the parent's id never changes, nothing is watched.
 */
export function watchParent(args: readonly string[], onGone: () => void): string[] {
  const parent = Number(args.find(argument => argument.startsWith(OPTION))?.slice(OPTION.length))
  if (parent > 0 && process.platform !== 'win32') {
    // npm ended before its shell started: the shell took the first process for npm.
    const wasGone = parent === INIT && !runsScripts(INIT)
    const timer = setInterval(() => {
      if (process.ppid === parent && !wasGone) return
      clearInterval(timer)
      onGone()
    }, POLL_MS).unref()
  }
  return args.filter(argument => !argument.startsWith(OPTION))
}

/** Returns whether a process runs the scripts of a package.json; false where that is not known. */
function runsScripts(pid: number): boolean {
  try {
    return /\b(npm|npx|pnpm|yarn|bun)\b|--run\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
  } catch {
    // There is no /proc outside Linux, and no container either.
    return false
  }
}
