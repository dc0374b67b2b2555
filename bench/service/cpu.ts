/** The share of the machine's CPU that other processes took: they are in every figure of a round, and cannot be seen in it. */
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** CPU seconds since the machine started, and when they were read (ms). */
export type CpuReading = {
  at: number
  /** Of everything on this machine, with the time that a hypervisor gave to others. */
  busy: number
  /** Of this process and its descendants, ended ones included. */
  ours: number
}

/** The unit of /proc: USER_HZ, which is 100 on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100

/** Returns what the kernel has counted so far; undefined where there is no /proc, as outside Linux. */
export function readCpu(): CpuReading | undefined {
  const machine = readText('/proc/stat')
  if (machine === undefined) return undefined
  const processes = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => parseProcess(readText(`/proc/${pid}/stat`) ?? '') ?? [])
  return {
    at: performance.now(),
    busy: parseBusy(machine) / TICKS_PER_SECOND,
    ours: ticksOf(process.pid, processes) / TICKS_PER_SECOND,
  }
}

/** Returns the share of all cores, 0 to 1, that others took between two readings; undefined where that is not known. */
export function othersShare(
  before: CpuReading | undefined,
  after: CpuReading | undefined,
  cores = availableParallelism(),
): number | undefined {
  if (!before || !after || after.at <= before.at) return undefined
  const seconds = (after.at - before.at) / 1000
  const others = after.busy - before.busy - (after.ours - before.ours)
  return Math.min(1, Math.max(0, others / (seconds * cores)))
}

/** Returns the busy ticks of /proc/stat: user, nice, system, irq, softirq and steal; guests are in user already. */
export function parseBusy(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(text)?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  return user + nice + system + irq + softirq + steal
}

type ProcessTicks = {
  pid: number
  parent: number
  ticks: number
}

/** Returns the ticks of a line of /proc/<pid>/stat, with those of its children that have ended; undefined of anything else. */
export function parseProcess(line: string): ProcessTicks | undefined {
  // The name, in parentheses, may hold spaces and parentheses of its own.
  const match = /^(\d+) \(.*\) (.*)$/s.exec(line.trim())
  if (!match) return undefined
  const fields = match[2]?.split(' ') ?? []
  // proc_pid_stat(5): the state is field 3, the parent 4, utime, stime, cutime and cstime are 14 to 17.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { pid: Number(match[1]), parent: Number(fields[1]), ticks }
}

/** Returns the ticks of a process and all its descendants. */
export function ticksOf(root: number, processes: readonly ProcessTicks[]): number {
  const children = Map.groupBy(processes, ({ parent }) => parent)
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + child.ticks + sum(child.pid), 0)
  return (processes.find(({ pid }) => pid === root)?.ticks ?? 0) + sum(root)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process has ended, or this is no Linux.
    return undefined
  }
}
