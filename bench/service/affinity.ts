/** Divides the cores: some for what is measured, the others for what measures. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Cores } from '../result/schema.ts'

/**
 * Returns the two halves of the cores that this process may use; undefined where there is one only, or no telling: outside
 * Linux, and without util-linux's `taskset`.
 */
export async function splitCores(): Promise<Cores | undefined> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const cores = parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')
  const half = Math.floor(cores.length / 2)
  if (half === 0 || !(await pin(process.pid, cores.join(',')))) return undefined
  return { measured: cores.slice(half).join(','), others: cores.slice(0, half).join(',') }
}

/**
 * Keeps a process, all its threads and children, and all that they will start, on these cores. Returns whether that was
 * possible for the process itself: a child may end meanwhile.
 */
export async function pin(pid: number, cores: string): Promise<boolean> {
  // PostgreSQL's own helpers run since its start. Without the kernel's list of children they stay where they are.
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const [isPinned = false] = await Promise.all([
    pinOne(String(pid), cores),
    ...children
      .split(' ')
      .filter(Boolean)
      .map(child => pinOne(child, cores)),
  ])
  return isPinned
}

function pinOne(pid: string, cores: string): Promise<boolean> {
  // All tasks of the process, by a list.
  return promisify(execFile)('taskset', ['-a', '-c', '-p', cores, pid]).then(
    () => true,
    () => false,
  )
}

/** Returns the numbers of a list in the kernel's form, such as `0-2,5`. */
export function parseCores(list: string): number[] {
  return [...list.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, from = '', to = from]) => {
    const [first, last] = [Number(from), Number(to)]
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
  })
}
