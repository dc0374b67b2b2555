/** Notices that the process which started this one is gone: one that was killed passes no signal on. */

import { readFileSync } from 'node:fs'

/** How often the parent is looked at, in milliseconds. A look takes a microsecond. */
const POLL_MS = 200

/** The first process: it takes over those whose parent has ended. In a container it may be npm itself. */
const INIT = 1

/** What the npm scripts append, with the id of the process that runs them. */
const OPTION = '--parent='

/**
 * Returns the arguments without `--parent=<pid>`. With it, calls `onGone` once this process has another parent than that:
 * npm dies of SIGHUP and of `kill -9` without a word to what it runs. Without it the process outlives its parent, as one
 * under nohup, Docker or systemd has to. The id comes from the shell, since npm may be gone before Node.js can ask for it.
 * Windows keeps no record of a parent's end: there nothing is watched.
 */
export function watchParent(args: readonly string[], onGone: () => void): string[] {
  const parent = Number(args.find(argument => argument.startsWith(OPTION))?.slice(OPTION.length))
  if (parent > 0 && process.platform !== 'win32') {
    // npm died before its shell started: the shell was given to the first process, and took that for npm.
    const wasGone = parent === INIT && !runsScripts(INIT)
    const timer = setInterval(() => {
      if (process.ppid === parent && !wasGone) return
      clearInterval(timer)
      onGone()
    }, POLL_MS).unref()
  }
  return args.filter(argument => !argument.startsWith(OPTION))
}

/** Whether a process is one that runs the scripts of a package.json; false where that is not known. */
function runsScripts(pid: number): boolean {
  try {
    return /\b(npm|npx|pnpm|yarn|bun)\b|--run\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
  } catch {
    // There is no /proc outside Linux, where containers are not to be expected either.
    return false
  }
}
