/** Finds and stops the server processes of a data directory, and records which process owns its folder. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

// A fast shutdown writes a checkpoint, which takes long on a slow disk. The other two do not.
const STEPS = [
  { signal: 'SIGINT', patience: 10_000 },
  { signal: 'SIGQUIT', patience: 5_000 },
  { signal: 'SIGKILL', patience: 5_000 },
] as const
// The program's path, which may contain spaces. Its arguments begin at the first NUL, where the system has them apart.
const POSTMASTER = /^([^\0]*\/)?(postgres|postmaster)[\0 ]/

/** Returns the text of a file; '' where there is none, or where it may not be read. */
export async function readText(file: string) {
  return await readFile(file, 'utf8').catch(() => '')
}

/**
 * Returns the name that the server processes of a data directory have in their titles. It consists of the folder's inode:
 * it stays when the folder is moved, and a copy has another. To read a title needs no rights on the process.
 */
export async function clusterName(data: string) {
  const { dev, ino } = await stat(data, { bigint: true })
  return `embedded-${dev.toString(36)}-${ino.toString(36)}`
}

/** Returns the server processes of a data directory: postmasters, and children, which outlive a killed postmaster. */
export async function findServers(data: string) {
  const name = await clusterName(data).catch(() => undefined)
  const found = { postmasters: [] as number[], children: [] as number[] }
  if (name === undefined) return found
  const recorded = Number.parseInt(await readText(join(data, 'postmaster.pid')), 10)
  for (const [pid, command] of await listCommands()) {
    const words = command.replaceAll('\0', ' ')
    if (words.startsWith(`postgres: ${name}: `)) found.children.push(pid)
    else if (!POSTMASTER.test(command)) continue
    else if (words.includes(` cluster_name=${name} `)) found.postmasters.push(pid)
    // A server that was started by hand has no such name: the pid file counts where the process matches it.
    else if (pid === recorded && (await runsIn(pid, words, data))) found.postmasters.push(pid)
  }
  return found
}

async function runsIn(pid: number, words: string, data: string) {
  return words.includes(` -D ${data} `) || (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === data
}

/** Returns every process's command line. Each argument ends with a NUL; with a space where it comes from `ps`. */
export async function listCommands(): Promise<[number, string][]> {
  if (process.platform === 'win32') return []
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], {
      maxBuffer: 64 * 1024 * 1024,
    })
    return [...stdout.matchAll(/^ *(\d+) (.*)$/gm)].map(([, pid, command]) => [Number(pid), `${command} `])
  }
  const pids = (await readdir('/proc')).map(Number).filter(pid => pid > 0)
  return await Promise.all(
    pids.map(async (pid): Promise<[number, string]> => [pid, await readText(`/proc/${pid}/cmdline`)]),
  )
}

/**
 * Stops the server processes of a data directory: fast, then immediately, then by force, each with a time limit.
 * Returns the pids that it found. Throws where a process does not end.
 */
export async function stopServers(data: string): Promise<number[]> {
  const stopped = new Set<number>()
  for (const { signal, patience } of STEPS) {
    const { postmasters, children } = await findServers(data)
    const all = [...postmasters, ...children]
    if (all.length === 0) return [...stopped]
    // A postmaster ends its children itself. Children without one get the signal, and all processes get the last one.
    const targets = signal === 'SIGKILL' ? all : postmasters.length > 0 ? postmasters : children
    for (const pid of targets) send(pid, signal)
    // A stopped process handles a signal only when it continues.
    for (const pid of all) send(pid, 'SIGCONT')
    for (const pid of all) stopped.add(pid)
    await waitUntilGone(all, patience)
  }
  const { postmasters, children } = await findServers(data)
  const left = [...postmasters, ...children]
  if (left.length > 0)
    throw new Error(`The database server of ${data} does not stop: process ${left.join(', ')}`)
  return [...stopped]
}

function send(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function waitUntilGone(pids: number[], patience: number) {
  const deadline = performance.now() + patience
  for (const pid of pids) {
    while ((await startTime(pid)) !== undefined && performance.now() < deadline) await sleep(10)
  }
}

/** Returns when a process started, in the system's unit, or '' where that is not known; undefined where it has ended. */
export async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    // proc_pid_stat(5): the name, in parentheses, may contain anything; after it, field 3 is the state, 22 the start.
    const fields = (await readText(`/proc/${pid}/stat`)).replace(/^.*\) /s, '').split(' ')
    // A zombie has ended, though a parent that does not reap it keeps its pid.
    return 'ZX'.includes(fields[0] ?? '') ? undefined : fields[19]
  }
  try {
    process.kill(pid, 0)
    return ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined
  }
}

/**
 * Makes this process the owner of a folder, and returns a function that releases it. The record of an owner that has ended
 * is replaced. Throws where the owner is alive; the message names the folder as the caller does.
 */
export async function claimFolder(folder: string, directory: string): Promise<() => Promise<void>> {
  const file = join(folder, 'owner.json')
  const mine = `${file}.${randomUUID()}`
  await writeFile(mine, JSON.stringify({ pid: process.pid, startTime: await startTime(process.pid) }))
  try {
    // A link appears at once and with its content: one of two starts at the same moment wins.
    while (!(await linked(mine, file))) await dismissDeadOwner(file, directory)
  } finally {
    await rm(mine, { force: true })
  }
  return () => rm(file, { force: true })
}

/** Returns whether a live process owns a folder. */
export async function hasLiveOwner(folder: string): Promise<boolean> {
  return (await liveOwner(await readText(join(folder, 'owner.json')))) !== undefined
}

async function liveOwner(record: string) {
  const owner = parseOwner(record)
  return owner && (await startTime(owner.pid)) === owner.startTime ? owner : undefined
}

async function linked(from: string, to: string) {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function dismissDeadOwner(file: string, directory: string) {
  const record = await readText(file)
  const owner = await liveOwner(record)
  if (owner) {
    throw new Error(
      `The database in ${directory} is already served by process ${owner.pid}; stop it, or set DATA_DIR or DATABASE_URL`,
    )
  }
  const aside = `${file}.${randomUUID()}`
  await rename(file, aside).catch(() => {})
  // Another start may have removed the record first, and this one is its own: put it back.
  if ((await readText(aside)) !== record) await linked(aside, file).catch(() => {})
  await rm(aside, { force: true })
}

function parseOwner(record: string): { pid: number; startTime: string } | undefined {
  try {
    const { pid, startTime } = JSON.parse(record)
    return Number.isInteger(pid) && typeof startTime === 'string' ? { pid, startTime } : undefined
  } catch {
    return undefined
  }
}
