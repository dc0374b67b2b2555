/** Finds and stops the server processes of a data directory, and records which process owns its folder. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

// Fast shutdown writes a checkpoint, which a slow disk may draw out; the other two only have to end.
const STEPS = [
  { signal: 'SIGINT', patience: 10_000 },
  { signal: 'SIGQUIT', patience: 5_000 },
  { signal: 'SIGKILL', patience: 5_000 },
] as const
// The program's own path, which may hold spaces; its arguments begin at the first NUL, where the system tells.
const POSTMASTER = /^([^\0]*\/)?(postgres|postmaster)[\0 ]/

/** The text of a file, or '' when there is none or it may not be read. */
export async function readText(file: string) {
  return await readFile(file, 'utf8').catch(() => '')
}

/**
 * The name that the server processes of a data directory carry in their titles. It is made of the folder's inode, so it
 * follows a folder that is moved, and a copy has another; reading it needs no right to look into the process.
 */
export async function clusterName(data: string) {
  const { dev, ino } = await stat(data, { bigint: true })
  return `embedded-${dev.toString(36)}-${ino.toString(36)}`
}

/** The server processes of a data directory: postmasters, and children (which outlive a killed postmaster for a while). */
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
    // Somebody may have started it by hand: the pid file's word counts, once the process agrees with it.
    else if (pid === recorded && (await runsIn(pid, words, data))) found.postmasters.push(pid)
  }
  return found
}

async function runsIn(pid: number, words: string, data: string) {
  return words.includes(` -D ${data} `) || (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === data
}

/** Every process's command line, each argument ended by a NUL, or all by one space where only `ps` tells. */
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
 * Stops whatever serves a data directory: fast, then immediate, then by force, each within bounds.
 * Returns the pids it found. Throws when a process does not end.
 */
export async function stopServers(data: string): Promise<number[]> {
  const stopped = new Set<number>()
  for (const { signal, patience } of STEPS) {
    const { postmasters, children } = await findServers(data)
    const all = [...postmasters, ...children]
    if (all.length === 0) return [...stopped]
    // A postmaster ends its children itself; children without one, and everybody in the end, are told directly.
    const told = signal === 'SIGKILL' ? all : postmasters.length > 0 ? postmasters : children
    for (const pid of told) send(pid, signal)
    // A frozen process acts on a signal only once it goes on.
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

/** When a live process started, in the system's own unit ('' where it does not say); undefined for a dead one. */
export async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    // proc_pid_stat(5): the name, in parentheses, may hold anything; after it, field 3 is the state, 22 the start.
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
 * Makes this process the owner of a folder and returns the function that gives it up. The record of a dead owner is
 * replaced. Throws when the owner lives, naming the folder by the directory that the caller knows.
 */
export async function claimFolder(folder: string, directory: string): Promise<() => Promise<void>> {
  const file = join(folder, 'owner.json')
  const mine = `${file}.${randomUUID()}`
  await writeFile(mine, JSON.stringify({ pid: process.pid, startTime: await startTime(process.pid) }))
  try {
    // A link appears at once and with its content, so that of two starts at the same moment one wins.
    while (!(await linked(mine, file))) await dismissDeadOwner(file, directory)
  } finally {
    await rm(mine, { force: true })
  }
  return () => rm(file, { force: true })
}

/** Whether a live process owns a folder. */
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
  // Another start may have dismissed the dead owner first, and this would be its own record: give it back.
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
