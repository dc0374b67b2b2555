/** Ends an embedded server once its owner is gone, also where the owner was killed and could not do it itself. */
import type { ChildProcess } from 'node:child_process'

/**
 * A shell that becomes the server ("$@"), so that the server keeps its process id, and before that leaves a second shell
 * beside it, which waits at the pipe that the owner holds. A line there means that the server has ended. The pipe's end
 * without one means that the owner is gone: then it stops the server, fast, then immediately, then by force, as
 * `stopServers` does. It is the server's neighbour and not its child, since PostgreSQL takes the death of a child for a
 * crash. 1 MB of memory; Node.js would take 45.
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

/** Returns the command line that runs a server with its guard. Windows has no such shell: there it runs without. */
export function withGuard(command: string, args: readonly string[]): [command: string, args: string[]] {
  if (process.platform === 'win32') return [command, [...args]]
  return ['/bin/sh', ['-c', SCRIPT, 'sh', command, ...args]]
}

/** Lets the guard go once the server has ended: its process id may be another's from then on. */
export function dismissGuard({ stdin }: ChildProcess): void {
  // A guard that was killed no longer reads.
  stdin?.on('error', () => {})
  stdin?.end('ended\n')
}
