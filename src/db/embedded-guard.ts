/** Ends an embedded server when its owner has ended, also where the owner was killed. */
import type { ChildProcess } from 'node:child_process'

/**
 * A shell that starts a second shell, the guard, and then becomes the server ("$@"), which keeps its process id. The guard
 * reads a pipe that the owner holds. A line means that the server has ended. The end of the pipe without a line means that
 * the owner has ended: the guard then stops the server, fast, immediately, and by force, as `stopServers` does. The guard
 * is not a child of the server, since PostgreSQL takes the death of a child for a crash. It takes 1 MB of memory; Node.js
 * would take 45.
 */
const SCRIPT = `
exec 3<&0
( {
  trap '' HUP INT TERM
  read -r ended && exit
  for signal in INT QUIT KILL; do
    kill -$signal $$ && kill -CONT $$ || exit
    tries=80
    while [ $tries -gt 0 ]; do
      sleep 0.1
      kill -0 $$ || exit
      tries=$((tries - 1))
    done
  done
} <&3 3<&- 2>/dev/null & )
exec "$@" </dev/null 3<&-`

/** Returns the command line that runs a server with its guard; without one on Windows, which has no such shell. */
export function withGuard(command: string, args: readonly string[]): [command: string, args: string[]] {
  if (process.platform === 'win32') return [command, [...args]]
  return ['/bin/sh', ['-c', SCRIPT, 'sh', command, ...args]]
}

/** Ends the guard when the server has ended: another process may get the server's id. */
export function dismissGuard({ stdin }: ChildProcess): void {
  // A guard that was killed no longer reads.
  stdin?.on('error', () => {})
  stdin?.end('ended\n')
}
